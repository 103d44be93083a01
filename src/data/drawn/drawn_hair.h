/*
 * Hair as locks: ribbons over the skull, in head space. drawn_style.c makes them from an identity,
 * drawn_hair.c draws them.
 */
#ifndef BIFRONS_DATA_DRAWN_HAIR_H
#define BIFRONS_DATA_DRAWN_HAIR_H

#include "base/philox.h"
#include "drawn_parts.h"

enum { LOCK_POINTS = 12, LOCKS_MAX = 800 };

struct lock {
    struct vec3 at[LOCK_POINTS]; /* head space, from root to tip */
    double width;                /* at its widest */
    double tone;                 /* -1..1 */
    double blunt;                /* 0 ends in a point .. 1 cut straight */
    bool curl;                   /* a round tuft instead of a ribbon */
    bool clinging;               /* a beard's lock: moves with the jaw */
};

struct locks {
    size_t n;
    struct lock all[LOCKS_MAX];
};

/* Replaces the locks in h by the identity's hair. */
void locks_grow(struct locks *h, const struct identity *id);
/* How much beard covers a place of the resting head: 0 none .. 1 all; drawn_skin.c colours by
 * it. */
double beard_cover(const struct identity *id, struct vec3 rest);

#endif
