#include "vote.h"

#include <stdlib.h>
#include <string.h>

enum { LOSS_NUMBERS = 1 + MODEL_PEOPLE * MODEL_LOSSES, FIXED_NUMBERS = 1 + VOTE_FLAGS };

/* Numbers of a unit: the losses, then the caller's own. */
static size_t unit_numbers(const struct vote *v)
{
    return LOSS_NUMBERS + v->own;
}

static size_t count_of(const struct vote *v)
{
    return FIXED_NUMBERS + v->units * unit_numbers(v);
}

static double *unit_at(const struct vote *v, size_t unit)
{
    return v->numbers + FIXED_NUMBERS + unit * unit_numbers(v);
}

void vote_init(struct vote *v, size_t units, size_t own)
{
    v->units = units;
    v->own = own;
    v->numbers = calloc(count_of(v), sizeof *v->numbers);
    BUG_ON(!v->numbers); /* a few bytes; an error here would leave the other ranks waiting */
}

void vote_release(struct vote *v)
{
    free(v->numbers);
    *v = (struct vote){0};
}

void vote_set_flags(struct vote *v, uint64_t flags)
{
    for (int i = 0; i < VOTE_FLAGS; i++)
        v->numbers[1 + i] = (flags >> i) & 1 ? 1.0 : 0.0;
}

uint64_t vote_flags(const struct vote *v)
{
    uint64_t flags = 0;
    for (int i = 0; i < VOTE_FLAGS; i++)
        flags |= (uint64_t)(v->numbers[1 + i] > 0) << i;
    return flags;
}

void vote_add_losses(struct vote *v, size_t unit, const struct model_losses *losses)
{
    double *sum = unit_at(v, unit);
    const double *terms = &losses->term[0][0];
    sum[0] += losses->total;
    for (int i = 0; i < MODEL_PEOPLE * MODEL_LOSSES; i++)
        sum[1 + i] += terms[i];
}

struct model_losses vote_losses(const struct vote *v)
{
    struct model_losses losses = {0};
    double *terms = &losses.term[0][0];
    for (size_t unit = 0; unit < v->units; unit++) {
        const double *sum = unit_at(v, unit);
        losses.total += sum[0];
        for (int i = 0; i < MODEL_PEOPLE * MODEL_LOSSES; i++)
            terms[i] += sum[1 + i];
    }
    return losses;
}

double *vote_own(const struct vote *v, size_t unit)
{
    return unit_at(v, unit) + LOSS_NUMBERS;
}

void vote_own_sums(const struct vote *v, double *sums)
{
    memset(sums, 0, v->own * sizeof *sums);
    for (size_t unit = 0; unit < v->units; unit++)
        for (size_t i = 0; i < v->own; i++)
            sums[i] += vote_own(v, unit)[i];
}

enum status vote_take(struct comm *c, enum status local, struct vote *v, struct errmsg *em)
{
    v->numbers[0] = local != ST_OK;
    enum status st = comm_do(c, COMM_ALL_REDUCE, v->numbers, count_of(v), COMM_F64, 0, NULL, em);
    if (st != ST_OK)
        return st;
    return v->numbers[0] > 0 ? comm_agree(c, local, em) : ST_OK;
}
