/* What bifrons eval shows: tables for people, or JSON, and why something was not measured. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/json.h"
#include "base/log.h"
#include "eval.h"

static const char *const answer_key[ANSWERS] = {"swap", "truth_redrawn", "unchanged", "mean_face",
                                                "reconstruction"};

void eval_print_table(const struct evaluation *e)
{
    static const char *const heading[ANSWERS] = {"swap", "true swap redrawn", "left as it is",
                                                 "mean face", "reconstruction"};
    printf("%-22s", "");
    for (int a = 0; a < ANSWERS; a++)
        printf("%20s", heading[a]);
    bool masked = e->batch.masks[0] && e->batch.masks[1];
    printf("\n%-22s", masked ? "inside the face mask" : "whole picture");
    for (int a = 0; a < ANSWERS; a++)
        printf("%20s", "L1    SSIM");
    putchar('\n');
    for (int p = 0; p < 2; p++) {
        printf("%c>%c  (%" PRId64 " pictures)%*s", 'A' + p, 'B' - p, eval_picture_count(e, p), 3,
               "");
        for (int a = 0; a < ANSWERS; a++) {
            const struct quality_sum *sum = &e->sum[p][a];
            struct quality q = quality_mean(sum);
            if (sum->n > 0)
                printf("      %6.4f  %6.4f", q.l1, q.ssim);
            else
                printf("%20s", "-");
        }
        putchar('\n');
    }
}

/* The rows of the second table. Each has a field of struct follow_quantity. */
static const struct {
    const char *key, *text;
    size_t offset; /* in struct follow_quantity */
} follow_rows[] = {
    {"swap",      "swap",                      offsetof(struct follow_quantity, swap)     },
    {"true_swap", "true swap",                 offsetof(struct follow_quantity, true_swap)},
    {"reader",    "real pictures, as a check", offsetof(struct follow_quantity, reader)   },
};

static double follow_number(const struct follow *f, size_t row, int quantity)
{
    return *(const double *)((const char *)&f->of[quantity] + follow_rows[row].offset);
}

static bool has_follow(const struct evaluation *e, int person)
{
    for (int q = 0; q < POSE_QUANTITIES; q++)
        if (isfinite(e->follow[person].of[q].reader))
            return true;
    return false;
}

void eval_print_follow(const struct evaluation *e)
{
    if (!has_follow(e, 0) && !has_follow(e, 1))
        return;
    printf("\n%-32s", "does it follow? correlation of");
    for (int q = 0; q < POSE_QUANTITIES; q++)
        printf("%8s", pose_quantity_name((enum pose_quantity)q));
    putchar('\n');
    for (int p = 0; p < 2; p++) {
        for (size_t row = 0; row < ARRAY_LENGTH(follow_rows) && has_follow(e, p); row++) {
            char title[64];
            snprintf(title, sizeof title, "%c>%c  %s", 'A' + p, 'B' - p, follow_rows[row].text);
            printf("%-32s", title);
            for (int q = 0; q < POSE_QUANTITIES; q++) {
                double r = follow_number(&e->follow[p], row, q);
                if (isfinite(r))
                    printf("%8.2f", r);
                else
                    printf("%8s", "-");
            }
            putchar('\n');
        }
    }
    for (int p = 0; p < 2; p++) {
        char *words = follow_words(&e->follow[p], p);
        if (words)
            printf("%c>%c  %s\n", 'A' + p, 'B' - p, words);
        free(words);
    }
}

/* The rows of the third table, in this order. */
static const struct {
    enum faces_answer answer;
    const char *key, *text;
} faces_rows[] = {
    {FACES_SWAP,      "swap",           "swap"          },
    {FACES_TRUE,      "true_swap",      "true swap"     },
    {FACES_UNCHANGED, "unchanged",      "left as it is" },
    {FACES_RECON,     "reconstruction", "reconstruction"},
};

static void print_numbers(const char *title, int person, const struct likeness_sum *sum,
                          double (*number)(const struct likeness_sum *, int))
{
    printf("%c>%c  %-27s", 'A' + person, 'B' - person, title);
    for (int k = 0; k < LIKENESS_NUMBERS; k++) {
        double value = number(sum, k);
        if (isfinite(value))
            printf("%10.2f", value);
        else
            printf("%10s", "-");
    }
}

static bool has_correlations(const struct likeness_sum *sum)
{
    for (int k = 0; k < LIKENESS_NUMBERS; k++)
        if (isfinite(likeness_correlation(sum, k)))
            return true;
    return false;
}

void eval_print_faces(const struct evaluation *e)
{
    if (!e->finder)
        return;
    printf("\n%-32s", "what face networks see");
    for (int k = 0; k < LIKENESS_NUMBERS; k++)
        printf("%10s", likeness_name(k));
    printf("%14s\n", "faces found");
    for (int p = 0; p < 2; p++) {
        const struct likeness_sum *swap = &e->faces[p][FACES_SWAP];
        for (size_t i = 0; i < ARRAY_LENGTH(faces_rows); i++) {
            const struct likeness_sum *sum = &e->faces[p][faces_rows[i].answer];
            if (sum->looked == 0)
                continue;
            print_numbers(faces_rows[i].text, p, sum, likeness_mean);
            printf("%6" PRId64 " of %4" PRId64 "\n", sum->found, sum->looked);
        }
        if (has_correlations(swap)) {
            print_numbers("r with the swap's L1", p, swap, likeness_correlation);
            putchar('\n');
        }
    }
    puts(
        "identity: 0 the person in the picture, 1 the other; pose: error in degrees; others: error "
        "in deviations");
}

/* ---- Why a column is empty, or unexpected ---------------------------------------------------- */

/* Logs which of the sets lacks something, or that both do. */
static void log_person(const struct evaluation *e, const bool lacks[static 2], const char *what,
                       const char *therefore)
{
    const char *a = set_path(e->sets[0]), *b = set_path(e->sets[1]);
    if (lacks[0] && lacks[1])
        log_info("%s and %s %s: %s", a, b, what, therefore);
    else if (lacks[0] || lacks[1])
        log_info("%s %s: %s", lacks[0] ? a : b, what, therefore);
}

void eval_log_gaps(const struct evaluation *e)
{
    bool no_truth[2], no_masks[2], unmeasured[2], no_points[2];
    for (int p = 0; p < 2; p++) {
        const struct set_info *info = set_get_info(e->sets[p]);
        bool any = eval_picture_count(e, p) > 0;
        no_truth[p] = any && !info->has_truth;
        no_masks[p] = !info->has_masks;
        no_points[p] = loaded_takes_points(&e->loaded) && !info->has_points;
        unmeasured[p] = any && e->sum[p][ANSWER_RECON].n == 0;
        if (!any)
            log_info("%c>%c is empty: no picture of %s is held out (data.val_fraction = %g), and "
                     "the others were trained on; measure another set with --data-%c FILE",
                     'A' + p, 'B' - p, set_path(e->sets[p]), e->loaded.config.data.val_fraction,
                     'a' + p);
    }
    log_person(e, no_truth, "without true swaps",
               "\"swap\" and the three columns after it stay empty. Only drawn people have them "
               "(bifrons synth); look at swaps with bifrons swap --grid, or measure them with "
               "--faces");
    log_person(e, no_masks, "without face masks",
               "the whole picture is measured, background included; to measure the face alone, "
               "both sets need masks");
    log_person(e, no_points, "without points", "poses are predicted from the pictures");
    log_person(e, unmeasured, "with empty face masks",
               "no measured picture has a face in its mask");
}

static json_t *quality_json(const struct quality_sum *sum)
{
    struct quality q = quality_mean(sum);
    if (sum->n == 0)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:I}", "l1", q.l1, "psnr", q.psnr, "ssim", q.ssim, "pictures",
                     (json_int_t)sum->n);
}

/* null: not measured. */
static json_t *follow_json(const struct evaluation *e, int person)
{
    if (!has_follow(e, person))
        return json_null();
    json_t *object = json_object();
    for (int q = 0; q < POSE_QUANTITIES; q++) {
        json_t *one = json_object();
        for (size_t row = 0; row < ARRAY_LENGTH(follow_rows); row++)
            json_object_set_new(one, follow_rows[row].key,
                                json_number_or_null(follow_number(&e->follow[person], row, q)));
        json_object_set_new(one, "pictures", json_integer((json_int_t)e->follow[person].of[q].n));
        json_object_set_new(object, pose_quantity_name((enum pose_quantity)q), one);
    }
    char *words = follow_words(&e->follow[person], person);
    json_object_set_new(object, "wrong", words ? json_string(words) : json_null());
    free(words);
    return object;
}

static json_t *numbers_json(const struct likeness_sum *sum,
                            double (*number)(const struct likeness_sum *, int))
{
    json_t *object = json_object();
    for (int k = 0; k < LIKENESS_NUMBERS; k++)
        json_object_set_new(object, likeness_name(k), json_number_or_null(number(sum, k)));
    return object;
}

/* null: without --faces. */
static json_t *faces_json(const struct evaluation *e, int person)
{
    if (!e->finder)
        return json_null();
    json_t *object = json_object();
    for (size_t i = 0; i < ARRAY_LENGTH(faces_rows); i++) {
        const struct likeness_sum *sum = &e->faces[person][faces_rows[i].answer];
        json_t *row = sum->looked > 0 ? numbers_json(sum, likeness_mean) : json_null();
        if (sum->looked > 0) {
            json_object_set_new(row, "pictures", json_integer((json_int_t)sum->looked));
            json_object_set_new(row, "found", json_integer((json_int_t)sum->found));
        }
        json_object_set_new(object, faces_rows[i].key, row);
    }
    json_object_set_new(object, "r_with_l1",
                        numbers_json(&e->faces[person][FACES_SWAP], likeness_correlation));
    return object;
}

void eval_print_json(const struct evaluation *e)
{
    static const char *const direction[2] = {"a2b", "b2a"};
    json_t *root = json_pack("{s:s, s:s, s:I}", "checkpoint", e->arguments.checkpoint, "hash",
                             e->loaded.hash, "step", (json_int_t)e->loaded.step);
    for (int p = 0; p < 2; p++) {
        json_t *part = json_pack("{s:b, s:b}", "held_out", e->held_out[p], "masked",
                                 e->batch.masks[p] != NULL);
        for (int a = 0; a < ANSWERS; a++)
            json_object_set_new(part, answer_key[a], quality_json(&e->sum[p][a]));
        json_object_set_new(part, "follow", follow_json(e, p));
        json_object_set_new(part, "faces", faces_json(e, p));
        json_object_set_new(root, direction[p], part);
    }
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}
