/* Who the two invented people are. */
#include "base/checked.h"
#include "base/philox.h"
#include "drawn_parts.h"

#include "base/poison.h"

/*
 * Places in the identity stream: of traits chosen for both people together, so that they differ,
 * and of each person's own traits. Other numbers would do; with these the default seed draws a nice
 * pair.
 */
enum { INDEX_OF_THE_PAIR = 47438, INDEX_OF_A_PERSON = 520 };

enum colouring { BLACK, COPPER, BROWN, BLOND, AUBURN, SILVER };

struct hair_colour {
    struct rgb dark, base, shine;
};
static const struct hair_colour hair_colours[] = {
  /* indexed by enum colouring */
    {{.060, .040, .055}, {.155, .105, .115}, {.520, .430, .480}}, /* black */
    {{.300, .100, .035}, {.690, .300, .110}, {.990, .680, .380}}, /* copper */
    {{.120, .065, .045}, {.310, .180, .120}, {.690, .480, .340}}, /* brown */
    {{.430, .270, .110}, {.850, .640, .340}, {1.00, .920, .680}}, /* blond */
    {{.180, .060, .055}, {.430, .160, .130}, {.830, .450, .360}}, /* auburn */
    {{.270, .265, .300}, {.610, .600, .630}, {.930, .930, .960}}, /* silver */
};

enum { COLOURINGS = 4 }; /* hair colours that fit a skin */
struct tone {
    struct rgb skin, flush, lips;
    enum colouring hair[COLOURINGS];
};
static const struct tone tones[] = {
    {{.965, .810, .715}, {.900, .460, .420}, {.800, .360, .360}, {COPPER, BLOND, BLACK, AUBURN}},
    {{.940, .745, .610}, {.870, .420, .340}, {.760, .340, .320}, {BROWN, BLOND, AUBURN, COPPER}},
    {{.865, .660, .510}, {.760, .360, .260}, {.680, .310, .270}, {BLACK, BROWN, SILVER, AUBURN}},
    {{.690, .465, .320}, {.600, .260, .190}, {.560, .250, .220}, {BLACK, BROWN, AUBURN, SILVER}},
    {{.500, .325, .230}, {.450, .180, .140}, {.430, .190, .180}, {BLACK, SILVER, BROWN, BLACK} },
};

static const struct rgb irises[] = {
    {.330, .200, .110},
    {.230, .470, .330},
    {.250, .450, .660},
    {.560, .360, .140},
    {.420, .500, .520},
    {.360, .420, .200},
};
static const struct rgb cloths[] = {
    {.330, .330, .370},
    {.230, .330, .240},
    {.760, .330, .280},
    {.220, .270, .430},
    {.860, .660, .300},
    {.510, .300, .420},
    {.880, .850, .800},
    {.150, .420, .440},
};
static const char *const feminine_names[] = {"Livia",  "Marcia",  "Silvia", "Aurelia",
                                             "Flavia", "Claudia", "Helvia", "Junia"};
static const char *const masculine_names[] = {"Rufus", "Titus",  "Lucius", "Quintus",
                                              "Gaius", "Marcus", "Varro",  "Festus"};

static double draw(struct philox *r, double low, double high)
{
    return philox_uniform(r, (float)low, (float)high);
}

static size_t pick(struct philox *r, size_t n)
{
    return (size_t)philox_below(r, n);
}

/* Two different numbers below n. */
static void pick_two(struct philox *r, size_t n, size_t out[2])
{
    out[0] = pick(r, n);
    out[1] = (out[0] + 1 + pick(r, n - 1)) % n;
}

/* Two skin tones at least two steps apart, so that a swap is easy to see and to measure. */
static void pick_tones(struct philox *r, size_t out[2])
{
    enum { APART = 2 };
    out[0] = pick(r, ARRAY_LENGTH(tones));
    do
        out[1] = pick(r, ARRAY_LENGTH(tones));
    while (out[0] < out[1] + APART && out[1] < out[0] + APART);
}

/* A hair colour that fits each skin; the two differ. */
static void pick_colouring(struct philox *r, const size_t tone[2], size_t out[2])
{
    out[0] = tones[tone[0]].hair[pick(r, COLOURINGS)];
    size_t first = pick(r, COLOURINGS);
    for (size_t i = 0; i < COLOURINGS; i++) {
        out[1] = tones[tone[1]].hair[(first + i) % COLOURINGS];
        if (out[1] != out[0])
            return;
    }
}

static void choose_head(struct identity *id, struct philox *r)
{
    bool f = id->feminine;
    id->width = f ? draw(r, .95, 1.0) : draw(r, .94, .99);
    id->chin = f ? draw(r, 1.27, 1.36) : draw(r, 1.40, 1.50);
    id->jaw = f ? draw(r, 2.0, 2.5) : draw(r, 2.9, 3.5);
    id->taper = f ? draw(r, .12, .20) : draw(r, .06, .12);
    id->cheek = f ? draw(r, .5, 1.0) : draw(r, .1, .5);
    id->ear = f ? draw(r, .85, .95) : draw(r, 1.0, 1.12);
    id->neck = f ? draw(r, .40, .45) : draw(r, .56, .62);
    id->shoulders = f ? draw(r, 1.55, 1.7) : draw(r, 1.95, 2.1);
}

static void choose_eyes(struct identity *id, struct philox *r)
{
    bool f = id->feminine;
    id->eye_x = draw(r, .410, .432);
    id->eye_size = f ? draw(r, 1.24, 1.36) : draw(r, 1.08, 1.16);
    id->eye_height = f ? draw(r, 1.28, 1.45) : draw(r, 1.05, 1.18);
    id->eye_tilt = f ? draw(r, .02, .05) : draw(r, -.015, .015);
    id->lashes = f ? draw(r, .8, 1.0) : draw(r, .1, .25);
    id->brow_y = f ? draw(r, -.39, -.36) : draw(r, -.34, -.31);
    id->brow_thick = f ? draw(r, .052, .066) : draw(r, .080, .098);
    id->brow_arch = f ? draw(r, .035, .055) : draw(r, .015, .035);
    id->brow_tilt = draw(r, -.015, .02);
}

static void choose_nose_and_mouth(struct identity *id, struct philox *r)
{
    bool f = id->feminine;
    id->nose_tip = f ? draw(r, .37, .42) : draw(r, .45, .50);
    id->nose_width = f ? draw(r, .115, .135) : draw(r, .150, .175);
    id->nose_rise = f ? draw(r, .20, .25) : draw(r, .29, .34);
    id->mouth_y = id->nose_tip + (f ? draw(r, .38, .41) : draw(r, .40, .43));
    id->mouth_width = f ? draw(r, .27, .30) : draw(r, .31, .34);
    id->lip_upper = f ? draw(r, .065, .085) : draw(r, .035, .048);
    id->lip_lower = f ? draw(r, .090, .110) : draw(r, .055, .070);
}

static void choose_hair(struct identity *id, struct philox *r)
{
    static const enum hair_style hers[] = {HAIR_BOB, HAIR_LONG, HAIR_BUN, HAIR_CURLS};
    static const enum hair_style his[] = {HAIR_CROP, HAIR_SIDE, HAIR_CURLS, HAIR_CROP};
    id->hair = id->feminine ? hers[pick(r, ARRAY_LENGTH(hers))] : his[pick(r, ARRAY_LENGTH(his))];
    id->hairline = id->feminine ? draw(r, -.88, -.82) : draw(r, -.90, -.84);
    id->part = pick(r, 2) ? 1.0 : -1.0;
    id->fringe = draw(r, 0.0, 1.0);
    id->length = draw(r, .0, 1.0);
    id->beard = id->feminine ? 0.0 : pick(r, 3) > 0 ? draw(r, .75, 1.0) : draw(r, .15, .3);
    id->freckles = pick(r, 3) == 0 ? draw(r, .5, 1.0) : 0.0;
    id->glasses = pick(r, 6) == 0;
}

static void choose_colours(struct identity *id, struct philox *r, const struct tone *tone,
                           const struct hair_colour *hair)
{
    id->skin = tone->skin;
    id->flush = tone->flush;
    id->lips = id->feminine ? rgb_between(tone->lips, (struct rgb){.78, .18, .26}, draw(r, .1, .5))
                            : rgb_between(tone->lips, tone->skin, draw(r, .35, .5));
    id->hair_dark = hair->dark;
    id->hair_base = hair->base;
    id->hair_shine = hair->shine;
}

struct identity identity_of(uint64_t seed, int person)
{
    struct philox both = philox_at(seed, PHILOX_IDENTITY, INDEX_OF_THE_PAIR);
    struct philox r = philox_at(seed, PHILOX_IDENTITY, INDEX_OF_A_PERSON + (uint64_t)person);
    size_t tone[2], hair[2], iris[2], cloth[2], name[2];
    bool first_feminine = pick(&both, 2) == 0;
    pick_tones(&both, tone);
    pick_colouring(&both, tone, hair);
    pick_two(&both, ARRAY_LENGTH(irises), iris);
    pick_two(&both, ARRAY_LENGTH(cloths), cloth);
    pick_two(&both, ARRAY_LENGTH(feminine_names), name);

    struct identity id = {.seed = seed, .person = (uint64_t)person};
    id.feminine = (person == 0) == first_feminine;
    id.name = id.feminine ? feminine_names[name[person]] : masculine_names[name[person]];
    choose_head(&id, &r);
    choose_eyes(&id, &r);
    choose_nose_and_mouth(&id, &r);
    choose_hair(&id, &r);
    choose_colours(&id, &r, &tones[tone[person]], &hair_colours[hair[person]]);
    id.iris = irises[iris[person]];
    id.cloth = cloths[cloth[person]];
    id.cloth_inner = rgb_between(cloths[(cloth[person] + 3) % ARRAY_LENGTH(cloths)],
                                 (struct rgb){.95, .94, .92}, .6);
    id.collar = (enum collar)pick(&r, 4);
    return id;
}
