#include "collapse.h"

#include <math.h>
#include <stdio.h>

#include "base/checked.h"

#include "base/poison.h"

/* Shares of values that are black or white. A collapsed network reaches 1; a healthy one is near
 * the share of the pictures. */
static const double SATURATED = 0.98, PICTURES_SATURATED = 0.6;
/* Factors of the error of plain grey, and of the loss at the start. */
static const double WORSE_THAN_GREY = 1.25, NEAR_GREY = 0.75, NOT_LEARNED = 0.9;
/* Shares of the improvement since the start, and of the first loss. */
static const double GIVEN_BACK = 0.8, GAINED = 0.7;
/* Variety of the outputs as a share of the pictures' variety, and the least variety of the pictures
 * for this test. */
static const double FLAT = 0.02, VARIED = 0.25, PICTURES_VARY = 0.03;
/* After this sum of learning rates every network has begun to learn: 1000 steps of 1e-3. */
static const double TRAVELLED = 1.0;
static const double SUSPECT = 1.2;

void collapse_init(struct collapse *c)
{
    collapse_forget(c);
    c->travel = 0;
}

void collapse_forget(struct collapse *c)
{
    *c = (struct collapse){.travel = NAN};
    collapse_forget_losses(c);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        c->variety[who] = NAN;
}

void collapse_forget_losses(struct collapse *c)
{
    for (int who = 0; who < MODEL_PEOPLE; who++)
        c->start[who] = c->best[who] = NAN;
}

double collapse_loss(const struct config *c, const struct model_losses *losses, int who)
{
    const double *term = losses->term[who];
    double loss = 0; /* a term without weight may be NaN */
    for (int i = 0; i < MODEL_OWN_LOSSES; i++)
        if ((model_loss_facts((enum model_loss)i) & LOSS_COMPARES) && c->loss.weight[i] > 0)
            loss += c->loss.weight[i] * term[i];
    return loss;
}

void collapse_record_step(struct collapse *c, const double loss[static MODEL_PEOPLE], double lr)
{
    for (int who = 0; who < MODEL_PEOPLE && c->travel == 0; who++)
        c->start[who] = loss[who];
    c->travel += lr;
}

/* ---- The verdict ----------------------------------------------------------------------------- */

/* Unknown values are NaN, and comparisons with NaN are false. */
static bool is_lost(const struct collapse *c, int who, double loss)
{
    double start = c->start[who], best = c->best[who];
    return best < GAINED * start && loss > best + GIVEN_BACK * (start - best);
}

static bool is_worse(const struct collapse *c, int who, const struct collapse_view *v)
{
    return v->seen.error > WORSE_THAN_GREY * v->seen.grey && v->loss > NOT_LEARNED * c->start[who];
}

static bool pictures_vary(const struct outputs *o)
{
    return o->pictures > 1 && o->wanted.variety > PICTURES_VARY;
}

/* The outputs differ much less from each other than the pictures do. */
static bool is_flat(const struct outputs *o)
{
    return pictures_vary(o) && o->made.variety < FLAT * o->wanted.variety;
}

/* Each output varies much less over its pixels than the pictures do. */
static bool is_one_colour(const struct outputs *o)
{
    return o->wanted.contrast > PICTURES_VARY && o->made.contrast < FLAT * o->wanted.contrast;
}

static enum collapse_kind find_kind(const struct collapse *c, int who,
                                    const struct collapse_view *v)
{
    const struct outputs *o = &v->seen;
    if (!isfinite(v->loss))
        return COLLAPSE_NOT_FINITE;
    if (o->made.extreme > SATURATED && o->wanted.extreme < PICTURES_SATURATED)
        return COLLAPSE_SATURATED;
    if (is_worse(c, who, v))
        return COLLAPSE_WORSE;
    if (is_lost(c, who, v->loss) && o->error > NEAR_GREY * o->grey)
        return COLLAPSE_LOST;
    bool left_start = c->variety[who] > VARIED || c->travel > TRAVELLED;
    return left_start && is_flat(o) ? COLLAPSE_FLAT : COLLAPSE_NONE;
}

bool collapse_judge(const struct collapse *c, struct collapse_view views[static MODEL_PEOPLE])
{
    bool any = false;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        views[who].kind = find_kind(c, who, &views[who]);
        any = any || views[who].kind != COLLAPSE_NONE;
    }
    return any;
}

void collapse_record_validation(struct collapse *c,
                                const struct collapse_view views[static MODEL_PEOPLE])
{
    bool any = false;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        const struct outputs *o = &views[who].seen;
        c->kind[who] = (int32_t)views[who].kind;
        if (views[who].kind != COLLAPSE_NONE) {
            any = true;
            continue;
        }
        c->best[who] = fmin(c->best[who], views[who].loss); /* fmin ignores NaN */
        if (pictures_vary(o))
            c->variety[who] = fmax(c->variety[who], o->made.variety / o->wanted.variety);
    }
    c->in_a_row = any ? c->in_a_row + 1 : 0;
}

bool collapse_is_suspected(const struct collapse *c, const double loss[static MODEL_PEOPLE])
{
    bool suspected = c->in_a_row > 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        suspected = suspected || isnan(c->best[who]) || loss[who] > SUSPECT * c->start[who] ||
                    is_lost(c, who, loss[who]);
    return suspected;
}

/* ---- The message ----------------------------------------------------------------------------- */

/* The reason, with numbers. */
static int describe_kind(const struct collapse_view *v, char *out, size_t n)
{
    const struct outputs *o = &v->seen;
    switch (v->kind) {
    case COLLAPSE_NOT_FINITE:
        return snprintf(out, n, "its loss is not a finite number");
    case COLLAPSE_SATURATED:
        return snprintf(out, n,
                        "%.1f %% of its output values are black or white (%.1f %% in the pictures)",
                        100 * o->made.extreme, 100 * o->wanted.extreme);
    case COLLAPSE_WORSE:
        return snprintf(out, n, "plain grey would be %.2g times as close to the pictures",
                        o->error / o->grey);
    case COLLAPSE_LOST:
        return snprintf(out, n, "it has lost most of what it had learned");
    default:
        return snprintf(out, n, "its outputs vary only %.2g %% as much as the pictures",
                        100 * o->made.variety / o->wanted.variety);
    }
}

static void describe(const struct collapse *c, int who, const struct collapse_view *v, char *out,
                     size_t n)
{
    int used = describe_kind(v, out, n);
    if (is_one_colour(&v->seen))
        used += snprintf(out + used, n - (size_t)used, ", one colour for every picture");
    else if (is_flat(&v->seen))
        used += snprintf(out + used, n - (size_t)used, ", the same for every picture");
    used += snprintf(out + used, n - (size_t)used, "; its loss is %.4g", v->loss);
    if (!isnan(c->start[who]))
        used += snprintf(out + used, n - (size_t)used, ", at the start %.4g", c->start[who]);
    if (!isnan(c->best[who]))
        snprintf(out + used, n - (size_t)used, ", at best %.4g", c->best[who]);
}

void collapse_describe(const struct collapse *c,
                       const struct collapse_view views[static MODEL_PEOPLE],
                       char out[static COLLAPSE_TEXT_BYTES])
{
    enum {
        EACH = COLLAPSE_TEXT_BYTES / MODEL_PEOPLE - 40
    }; /* longer than any of the texts
        * above */
    char why[EACH];
    int used = 0;
    out[0] = '\0';
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (views[who].kind == COLLAPSE_NONE)
            continue;
        describe(c, who, &views[who], why, sizeof why);
        used += snprintf(out + used, COLLAPSE_TEXT_BYTES - (size_t)used,
                         "%sdecoder %c has collapsed: %s", used > 0 ? "; " : "", 'A' + who, why);
    }
}

const char *collapse_who(const struct collapse *c)
{
    bool a = c->kind[MODEL_A] != COLLAPSE_NONE, b = c->kind[MODEL_B] != COLLAPSE_NONE;
    return a && b ? "decoder A and decoder B" : a ? "decoder A" : "decoder B";
}
