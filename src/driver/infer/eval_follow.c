#include "eval_follow.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/json.h"

/* The rows of the second table: whose quantities, from one direction's correlations. */
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

static bool has_follow(const struct follow *f)
{
    for (int q = 0; q < POSE_QUANTITIES; q++)
        if (isfinite(f->of[q].reader))
            return true;
    return false;
}

void eval_follow_print(const struct follow follow[static MODEL_PEOPLE])
{
    if (!has_follow(&follow[0]) && !has_follow(&follow[1]))
        return;
    printf("\n%-32s", "does it follow? correlation of");
    for (int q = 0; q < POSE_QUANTITIES; q++)
        printf("%8s", pose_quantity_name((enum pose_quantity)q));
    putchar('\n');
    for (int p = 0; p < 2; p++) {
        for (size_t row = 0; row < ARRAY_LENGTH(follow_rows) && has_follow(&follow[p]); row++) {
            char title[64];
            snprintf(title, sizeof title, "%c>%c  %s", 'A' + p, 'B' - p, follow_rows[row].text);
            printf("%-32s", title);
            for (int q = 0; q < POSE_QUANTITIES; q++) {
                double r = follow_number(&follow[p], row, q);
                if (isfinite(r))
                    printf("%8.2f", r);
                else
                    printf("%8s", "-");
            }
            putchar('\n');
        }
    }
    for (int p = 0; p < 2; p++) {
        char *words = follow_words(&follow[p], p);
        if (words)
            printf("%c>%c  %s\n", 'A' + p, 'B' - p, words);
        free(words);
    }
}

json_t *eval_follow_json(const struct follow *f, int person)
{
    if (!has_follow(f))
        return json_null();
    json_t *object = json_object();
    for (int q = 0; q < POSE_QUANTITIES; q++) {
        json_t *one = json_object();
        for (size_t row = 0; row < ARRAY_LENGTH(follow_rows); row++)
            json_object_set_new(one, follow_rows[row].key,
                                json_number_or_null(follow_number(f, row, q)));
        json_object_set_new(one, "pictures", json_integer((json_int_t)f->of[q].n));
        json_object_set_new(object, pose_quantity_name((enum pose_quantity)q), one);
    }
    char *words = follow_words(f, person);
    json_object_set_new(object, "wrong", words ? json_string(words) : json_null());
    free(words);
    return object;
}
