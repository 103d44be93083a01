/*
 * A training state as a .pt file: a zip archive with a plain pickled dict, so that
 * torch.load(path, weights_only=True) gives
 *
 *   model_state_dict       {"encoder.r128.weight": fp32 tensor, …}
 *   ema_state_dict         likewise their moving average, where the model keeps one
 *   optimizer_state_dict   PyTorch Adam's layout; indices in the order of parameters() in python/
 *   discriminators         where there are any: {"state_dict", "exp_avg", "exp_avg_sq": by name,
 *                          "step": their updates}
 *   epoch, step, position, loss, val_loss          numbers
 *   val_metrics            {"recon_l1": number, …}; those that were measured
 *   config                 the resolved configuration, TOML text
 *   meta                   JSON text: everything else the driver must find again
 *
 * The archive also holds the uncompressed record "bifrons.json" (format, version, model config,
 * parameter counts, the numbers above, config and meta): readable without libtorch.
 * Not collective: one rank writes. The caller makes the file durable (base/file.h).
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
    char *config;       /* TOML; borrowed when writing, the caller's to free when read */
    char *meta;         /* JSON; likewise */
    int64_t stage_step; /* at which Adam's moments were 0: it counts steps from there; not read */
    int64_t adversary_step; /* updates of the discriminators */
    double lr;              /* of the last step, for the optimizer's param_groups */
    /* of the last validation; borrowed when writing, NULL when read: checkpoint_get_val_metric */
    const struct checkpoint_number *val_metrics;
    size_t n_val_metrics;
};

/* Streams to path (a temporary name). ST_IO, ST_TORCH. */
enum status checkpoint_write(const struct model *m, const struct checkpoint_facts *facts,
                             const char *path, struct errmsg *em) MUST_CHECK;

/*
 * Writing while training goes on: take a snapshot (a copy, the only time the model must hold
 * still), then write it from another thread.
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
 * The model outlives its snapshot. _write needs no further memory for tensors.
 */
struct checkpoint_snapshot;
/* ST_MEMORY. */
enum status checkpoint_snapshot_new(const struct model *m, struct checkpoint_snapshot **out,
                                    struct errmsg *em) MUST_CHECK;
void checkpoint_snapshot_free(struct checkpoint_snapshot *s);
/* ST_TORCH. */
enum status checkpoint_snapshot_take(struct checkpoint_snapshot *s, struct errmsg *em) MUST_CHECK;
/* Back to the state that was taken; m is the model it was taken from. ST_TORCH. */
enum status checkpoint_snapshot_restore(const struct checkpoint_snapshot *s, struct model *m,
                                        struct errmsg *em) MUST_CHECK;
/* As checkpoint_write; *hash_out is the file's. */
enum status checkpoint_snapshot_write(const struct checkpoint_snapshot *s,
                                      const struct checkpoint_facts *facts, const char *path,
                                      struct hash128 *hash_out, struct errmsg *em) MUST_CHECK;

struct checkpoint;
/* Reads and checks a file. ST_NOINPUT; ST_DATA torn, no checkpoint, or lacking what it needs. */
enum status checkpoint_open(const char *path, struct checkpoint **out,
                            struct errmsg *em) MUST_CHECK;
void checkpoint_free(struct checkpoint *c);
/* Borrowed views of what it says. */
const struct checkpoint_facts *checkpoint_get_facts(const struct checkpoint *c);
/* NaN where it has none of that name. */
double checkpoint_get_val_metric(const struct checkpoint *c, const char *key);
struct model_config checkpoint_get_config(const struct checkpoint *c);
/* Copies parameters and (where `moments`) Adam's moments and the average into m; an average that m
 * keeps and the file lacks begins at the parameters. ST_DATA names the first tensor that is
 * missing, of another shape, or not finite. With moments the discriminators too, where both have
 * them. Uses ema_state_dict for the parameters where `ema` is set and the file has one. */
enum status checkpoint_restore(const struct checkpoint *c, struct model *m, bool moments, bool ema,
                               struct errmsg *em) MUST_CHECK;
/* Would checkpoint_restore find all it takes, for a model of these options? No model is needed, and
 * nothing changed. ST_DATA, ST_MEMORY. */
enum status checkpoint_check(const struct checkpoint *c, const struct model_options *o,
                             bool moments, bool ema, struct errmsg *em) MUST_CHECK;
/*
 * Lets m, which holds initial weights, begin with the file's parameters (averaged ones where it has
 * them), without moments. The file's network may be for smaller pictures, and lack the mask head:
 * all weights that still fit are kept, and the new outer levels begin such that m gives what the
 * smaller network gave, enlarged (src/model/network/grow.h). ST_DATA names what else differs.
 */
enum status checkpoint_start(const struct checkpoint *c, struct model *m,
                             struct errmsg *em) MUST_CHECK;

#endif
