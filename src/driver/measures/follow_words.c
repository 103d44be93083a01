/* Puts the correlations of follow.h into words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "follow.h"

#include "base/poison.h"

static const struct {
    const char *subject, *mirrored;
    const char *lost; /* the person's name follows */
} words[POSE_QUANTITIES] = {
    [POSE_YAW] = {"head",  "turns the other way",         "does not turn with"},
    [POSE_PITCH] = {"head",  "nods the other way",          "does not nod with" },
    [POSE_BROWS] = {"brows", "move the other way",          "do not follow"     },
    [POSE_MOUTH] = {"mouth", "opens where it should shut",  "does not follow"   },
    [POSE_EYES] = {"eyes",  "open where they should shut", "do not follow"     },
    [POSE_GAZE] = {"gaze",  "goes the other way",          "does not follow"   },
};

/* The lower end of the one-sided 95 % interval of a correlation r of n pairs (Fisher, 1921). */
static double correlation_at_least(double r, double n)
{
    const double most = 1 - 1e-9;
    return n > 3 ? tanh(atanh(r > most ? most : r) - 1.645 / sqrt(n - 3)) : -1;
}

enum follow_verdict follow_judge(const struct follow_quantity *q)
{
    if (!isfinite(q->swap) || !(correlation_at_least(q->reader, q->n_reader) >= FOLLOW_READER_MIN))
        return FOLLOW_UNKNOWN;
    if (q->swap < -FOLLOW_OTHER_WAY && q->swap < -2 / sqrt(q->n))
        return FOLLOW_MIRRORED;
    return q->swap < FOLLOW_SHARE_MIN * q->reader ? FOLLOW_LOST : FOLLOW_WELL;
}

double follow_mean(const struct follow f[static MODEL_PEOPLE])
{
    double sum = 0, n = 0;
    for (int person = 0; person < MODEL_PEOPLE; person++)
        for (int i = 0; i < POSE_QUANTITIES; i++)
            if (follow_judge(&f[person].of[i]) != FOLLOW_UNKNOWN) {
                sum += f[person].of[i].swap;
                n++;
            }
    return n > 0 ? sum / n : NAN;
}

char *follow_words(const struct follow *f, int person)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    int said = 0;
    for (int i = 0; i < POSE_QUANTITIES; i++) {
        enum follow_verdict verdict = follow_judge(&f->of[i]);
        if (verdict != FOLLOW_LOST && verdict != FOLLOW_MIRRORED)
            continue;
        fprintf(out, "%s%c's %s ", said++ ? ", " : "", 'B' - person, words[i].subject);
        if (verdict == FOLLOW_MIRRORED)
            fputs(words[i].mirrored, out);
        else
            fprintf(out, "%s %c's", words[i].lost, 'A' + person);
        fprintf(out, " (r of %s %.2f)", pose_quantity_name((enum pose_quantity)i), f->of[i].swap);
    }
    if (fclose(out) == 0 && said > 0)
        return text;
    free(text);
    return NULL;
}
