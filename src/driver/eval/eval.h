/* Shared by the files of bifrons eval: what is measured, and the prints. */
#ifndef BIFRONS_DRIVER_EVAL_H
#define BIFRONS_DRIVER_EVAL_H

#include "data/loader.h"
#include "follow.h"
#include "likeness.h"
#include "loaded.h"
#include "quality.h"

enum { EVAL_BATCH = 16 };

/* What is measured, one column each. Compared with the true swap; the reconstruction with the
 * picture. "Redrawn" is an upper bound for the swap: the decoder's reconstruction of the true
 * swap. */
enum answer {
    ANSWER_SWAP,
    ANSWER_REDRAWN,
    ANSWER_UNCHANGED,
    ANSWER_MEAN_FACE,
    ANSWER_RECON,
    ANSWERS
};

/* The pictures that face networks compare with the source picture. */
enum faces_answer { FACES_SWAP, FACES_TRUE, FACES_UNCHANGED, FACES_RECON, FACES_ANSWERS };

struct eval_arguments {
    const char *checkpoint, *data[2], *device, *models;
    int64_t faces; /* pictures of each person to measure with face networks; 0: none */
    bool json;
};

struct evaluation {
    struct eval_arguments arguments;
    struct loaded loaded;
    struct set *sets[2];
    struct order *orders[2];
    struct loader *loader;
    struct batch batch;
    struct quality_meter *meter;
    int size;
    bool held_out[2];
    uint8_t *mean_face[2];              /* (size, size, 3) of each person's training pictures */
    struct quality_sum sum[2][ANSWERS]; /* [person shown] */
    struct follow follow[2];
    struct finder *finder; /* NULL: without --faces */
    struct likeness_person people[2];
    struct likeness_sum faces[2][FACES_ANSWERS]; /* [person in the source picture] */
};
/* How many of a person's pictures are measured, and their rows. */
int64_t eval_picture_count(const struct evaluation *e, int person);
int64_t eval_picture_row(const struct evaluation *e, int person, int64_t i);
/* The same for the pictures that give the person's means: those used for training, or all of a set
 * that was not trained on. */
int64_t eval_training_count(const struct evaluation *e, int person);
int64_t eval_training_row(const struct evaluation *e, int person, int64_t i);
/* Loads rows of a person into e->batch. */
enum status eval_load(struct evaluation *e, int person, const int64_t *rows, size_t n,
                      struct errmsg *em) MUST_CHECK;
/* Runs pictures of one person through the network, with the poses of the batch's pictures of person
 * `posed`: the true swap of a picture has that picture's pose. recon and swap may be NULL. */
enum status eval_run(struct evaluation *e, int person, int posed, uint8_t *images, size_t n,
                     uint8_t *recon, uint8_t *swap, struct errmsg *em) MUST_CHECK;

/* Fills people and faces. ST_DATA: the networks find no face in most pictures of a person. */
enum status eval_faces(struct evaluation *e, struct errmsg *em) MUST_CHECK;

/* Standard output. */
void eval_print_table(const struct evaluation *e);
void eval_print_follow(const struct evaluation *e);
void eval_print_faces(const struct evaluation *e);
void eval_print_json(const struct evaluation *e);
/* Logs why a column is empty, or unexpected. */
void eval_log_gaps(const struct evaluation *e);

#endif
