#include "average.h"

#include "zero.h"

#include "base/poison.h"

bool average_is_kept(const struct stage *stage)
{
    return model_moments(stage->model) > MODEL_AVERAGE;
}

enum status average_enter(const struct stage *stage, struct errmsg *em)
{
    if (!average_is_kept(stage))
        return ST_OK;
    enum status st = zero_moment_to_scratch(stage, MODEL_AVERAGE, em);
    return st == ST_OK ? comm_agree(stage->comm, model_exchange_parameters(stage->model, em), em)
                       : st;
}

enum status average_leave(const struct stage *stage, struct errmsg *em)
{
    if (!average_is_kept(stage))
        return ST_OK;
    return comm_agree(stage->comm, model_exchange_parameters(stage->model, em), em);
}
