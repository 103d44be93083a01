/*
 * train.ema: validations and previews use the moving average of the parameters (model.h).
 *
 *     enum status st = average_enter(stage, &em); // the model works with the average,
 *     if (st == ST_OK)
 *         st = average_leave(stage, &em); // and with its own parameters again, bit for bit
 *
 * Both are COLLECTIVE; call them between steps. The flat gradient keeps the parameters meanwhile,
 * so its content is lost. Without train.ema both do nothing.
 */
#ifndef BIFRONS_DRIVER_TRAIN_AVERAGE_H
#define BIFRONS_DRIVER_TRAIN_AVERAGE_H

#include "session.h"

bool average_is_kept(const struct stage *stage);
enum status average_enter(const struct stage *stage, struct errmsg *em) MUST_CHECK;
enum status average_leave(const struct stage *stage, struct errmsg *em) MUST_CHECK;

#endif
