/*
 * A training state as a .pt file: a zip archive with a plain pickled dict, so that
 * torch.load(path, weights_only=True) gives
 *
 *   model_state_dict       {"encoder.r128.weight": fp32 tensor, …}
 *   ema_state_dict         their moving average, likewise; only if the model keeps one
 *   optimizer_state_dict   PyTorch Adam's layout; indices in the order of parameters() in python/
 *   discriminators         only if there are any: {"state_dict", "exp_avg", "exp_avg_sq": by name,
 *                          "step": their updates}
 *   epoch, step, position, loss, val_loss          numbers
 *   val_metrics            {"recon_l1": number, …}: the metrics that were measured
 *   config                 the resolved configuration, TOML text
 *   meta                   JSON text: the rest of the driver's state
 *
 * The archive also holds the uncompressed record "bifrons.json", readable without libtorch: format,
 * version, model config, parameter counts, the numbers above, config and meta. Not collective: one
 * rank writes. The caller makes the file durable (base/file.h).
 */
#ifndef BIFRONS_MODEL_CHECKPOINT_H
#define BIFRONS_MODEL_CHECKPOINT_H

#include "base/hash.h"
#include "model/model.h"

enum { CHECKPOINT_FORMAT_VERSION = 1 };

struct checkpoint_number {
    const char *key;
    double value;
};

struct checkpoint_facts {
    int64_t epoch, step;
    uint64_t position;
    double loss, val_loss;
    char *config;       /* TOML; borrowed for writing, the caller's to free after reading */
    char *meta;         /* JSON; likewise */
    int64_t stage_step; /* step at which Adam began with moments of 0; not read */
    int64_t discriminator_steps; /* updates of the discriminators */
    double lr;                   /* of the last step; for the optimizer's param_groups */
    /* of the last validation; borrowed for writing. NULL after reading: use
     * checkpoint_get_val_metric */
    const struct checkpoint_number *val_metrics;
    size_t n_val_metrics;
};

/* Writes to path, a temporary name of the caller's. ST_IO, ST_TORCH. */
enum status checkpoint_write(const struct model *m, const struct checkpoint_facts *facts,
                             const char *path, struct errmsg *em) MUST_CHECK;

/*
 * Writing while training goes on: take a snapshot (a copy; only then must the model stand still),
 * then write the snapshot from another thread.
 *
 *     struct checkpoint_snapshot *s;
 *     enum status st = checkpoint_snapshot_new(m, &s, &em);    // memory for parameters and moments
 *     if (st != ST_OK)
 *         return st;
 *     st = checkpoint_snapshot_take(s, &em);
 *     if (st == ST_OK)                                         // any thread; not beside _take
 *         st = checkpoint_snapshot_write(s, &facts, path, &hash, &em);
 *     checkpoint_snapshot_free(s);
 *
 * The model must outlive its snapshot. _write allocates no memory for tensors.
 */
struct checkpoint_snapshot;
/* ST_MEMORY. */
enum status checkpoint_snapshot_new(const struct model *m, struct checkpoint_snapshot **out,
                                    struct errmsg *em) MUST_CHECK;
void checkpoint_snapshot_free(struct checkpoint_snapshot *s);
/* ST_TORCH. */
enum status checkpoint_snapshot_take(struct checkpoint_snapshot *s, struct errmsg *em) MUST_CHECK;
/* Restores the state of the snapshot; m must be the model it was taken from. ST_TORCH. */
enum status checkpoint_snapshot_restore(const struct checkpoint_snapshot *s, struct model *m,
                                        struct errmsg *em) MUST_CHECK;
/* Like checkpoint_write; *hash_out: the file's hash. */
enum status checkpoint_snapshot_write(const struct checkpoint_snapshot *s,
                                      const struct checkpoint_facts *facts, const char *path,
                                      struct hash128 *hash_out, struct errmsg *em) MUST_CHECK;

struct checkpoint;
/* Reads and checks a file. ST_NOINPUT; ST_DATA: torn, not a checkpoint, or incomplete. */
enum status checkpoint_open(const char *path, struct checkpoint **out,
                            struct errmsg *em) MUST_CHECK;
void checkpoint_free(struct checkpoint *c);
/* What the checkpoint contains. Borrowed. */
const struct checkpoint_facts *checkpoint_get_facts(const struct checkpoint *c);
/* NaN: it has no metric of that name. */
double checkpoint_get_val_metric(const struct checkpoint *c, const char *key);
struct model_config checkpoint_get_config(const struct checkpoint *c);
/* Copies the parameters into m; ema: the averaged ones, if the file has them. moments: also Adam's
 * moments, the average (if the file has none, it begins at the parameters) and, if both have them,
 * the discriminators. ST_DATA names the first tensor that is missing, of another shape or not
 * finite. */
enum status checkpoint_restore(const struct checkpoint *c, struct model *m, bool moments, bool ema,
                               struct errmsg *em) MUST_CHECK;
/* Checks that checkpoint_restore would succeed for a model of these options. Changes nothing.
 * ST_DATA, ST_MEMORY. */
enum status checkpoint_check(const struct checkpoint *c, const struct model_options *o,
                             bool moments, bool ema, struct errmsg *em) MUST_CHECK;
/*
 * Starts m, which holds initial weights, from the file's parameters (averaged ones if it has them),
 * without moments. The file's network may be for smaller pictures, or lack the mask head or the
 * mean codes. Weights that fit are copied; new outer levels are set so that m gives the smaller
 * network's output, enlarged (src/model/network/grow.h). ST_DATA names other differences.
 */
enum status checkpoint_start(const struct checkpoint *c, struct model *m,
                             struct errmsg *em) MUST_CHECK;

#endif
