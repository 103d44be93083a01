#include "average.h"

#include "zero.h"

#include "base/poison.h"

bool average_is_kept(const struct session *s)
{
    return model_moments(s->model) > MODEL_AVERAGE;
}

enum status average_enter(struct session *s, struct errmsg *em)
{
    if (!average_is_kept(s))
        return ST_OK;
    enum status st = zero_stage_moment(s, MODEL_AVERAGE, em);
    return st == ST_OK ? comm_agree(s->comm, model_exchange_parameters(s->model, em), em) : st;
}

enum status average_leave(struct session *s, struct errmsg *em)
{
    if (!average_is_kept(s))
        return ST_OK;
    return comm_agree(s->comm, model_exchange_parameters(s->model, em), em);
}
