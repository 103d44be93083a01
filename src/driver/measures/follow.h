/*
 * Does a swap follow its source picture? For each quantity of a pose (data/pose.h) the correlation
 * r, over held-out pictures, of what the swaps show with what the source pictures show.
 *
 *     struct follow_reader *reader = NULL;
 *     struct follow f;
 *     follow_clear(&f);
 *     if (follow_is_possible(&source, person)) // of swaps of this person's pictures
 *         st = follow_reader_train(&source, person, &reader, &em);
 *     if (st == ST_OK && reader)
 *         st = follow_measure(&source, person, reader, &f, &em);
 *     char *wrong = follow_words(&f, person);
 *     free(wrong);
 *     follow_reader_free(reader);
 *
 * The source pictures' quantities come from their points. A reader (model/regressor.h) reads the
 * swaps' quantities: it has learned the quantities of the other person, whose face a swap shows,
 * from that person's training pictures and points. r does not depend on scale and offset, so faces
 * at rest may differ.
 *
 * Swaps are compared with the source's points, not with the reader's numbers for the true swap.
 * Why: a reader that has learned the wrong thing, such as the light, makes the same error in both
 * pictures, so that r would be high. With points, r is low. So a poor reader can only make a swap
 * look worse than it is. `reader` shows how good the reader is: its r on held-out real pictures of
 * its person. If `reader` is high and r is low, the swap is at fault. No true swaps are needed;
 * where a set has them, `true_swap` is the r of a perfect swap.
 *
 * The result depends on the swaps, the sets, their split, and the seed. Cost: about 4 s of one CPU
 * thread to train a reader, from at most FOLLOW_TRAIN_MAX pictures; then little.
 */
#ifndef BIFRONS_DRIVER_FOLLOW_H
#define BIFRONS_DRIVER_FOLLOW_H

#include "data/loader.h"
#include "data/pose.h"
#include "model/model.h"

enum {
    FOLLOW_TRAIN_MIN = 32, /* training pictures of the person whose face is shown */
    FOLLOW_TRAIN_MAX = 1024,
    FOLLOW_HELD_OUT_MIN = 8, /* held-out pictures of each person */
    FOLLOW_HELD_OUT_MAX = 256,
};
/* A quantity is not judged unless the reader's own r is at least this with 95 % confidence
 * (Fisher's z): 0.66 of 50 pictures, 0.81 of 11. */
#define FOLLOW_READER_MIN 0.5
/* A swap does not follow if its r is less than this share of the reader's own. */
#define FOLLOW_SHARE_MIN 0.6
/* It goes the other way if r is less than -FOLLOW_OTHER_WAY and less than -2 / sqrt(pictures):
 * which is two deviations of r for unrelated numbers. */
#define FOLLOW_OTHER_WAY 0.3

/* NaN: not measured, because too few points are known or the quantity does not vary. 0: the swaps
 * are all alike. */
struct follow_quantity {
    double swap, true_swap, reader;
    double n, n_reader; /* source pictures; held-out ones that the reader's r is of */
};

/* Swaps of one person's pictures. Only doubles. */
struct follow {
    struct follow_quantity of[POSE_QUANTITIES];
};

/* Makes swaps (n, size, size, 3) of a batch that has one person's pictures and poses. */
typedef enum status follow_swap(void *context, int person, const struct batch *b, uint8_t *swaps,
                                struct errmsg *em);

struct follow_source {
    follow_swap *swap;
    void *context;         /* for swap */
    int size;              /* pixels a side of the pictures that swap takes */
    struct loader *loader; /* of these sets */
    struct set *sets[MODEL_PEOPLE];
    struct order *orders[MODEL_PEOPLE];
    bool all[MODEL_PEOPLE]; /* measure all pictures, not only the held-out ones */
    uint64_t seed;
};

/* True if both sets have points and enough pictures to measure swaps of this person's pictures. */
bool follow_is_possible(const struct follow_source *s, int person);
/* Sets all numbers to NaN. */
void follow_clear(struct follow *f);

/* The other person's reader. It is trained once and used often. */
struct follow_reader;
enum status follow_reader_train(const struct follow_source *s, int person,
                                struct follow_reader **out, struct errmsg *em) MUST_CHECK;
void follow_reader_free(struct follow_reader *r);
/* Swaps of one person's pictures, read by the reader of the other. ST_IO, ST_DATA, ST_MEMORY,
 * ST_TORCH. */
enum status follow_measure(const struct follow_source *s, int person, struct follow_reader *reader,
                           struct follow *out, struct errmsg *em) MUST_CHECK;

enum follow_verdict { FOLLOW_UNKNOWN, FOLLOW_WELL, FOLLOW_LOST, FOLLOW_MIRRORED };
enum follow_verdict follow_judge(const struct follow_quantity *q);
/* The mean r of both directions over the quantities that are judged; NaN: none. */
double follow_mean(const struct follow f[static MODEL_PEOPLE]);
/*
 * What is wrong with swaps of one person's pictures, as "B's head turns the other way (r of yaw
 * -0.89), B's brows do not follow A's (r of brows 0.12)". The caller frees the text. NULL: nothing
 * is wrong, or out of memory.
 */
char *follow_words(const struct follow *f, int person);

#endif
