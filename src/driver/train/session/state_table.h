/*
 * The table of the fields of struct train_state (train_state.h), one row each. It generates the
 * fields, what a checkpoint saves and a resumed run reads (resume/run_meta.c), and what `bifrons
 * inspect` shows (tools/inspect_checkpoint.c).
 *
 *     FACT(type, name, fact)            a member of struct checkpoint_facts
 *     METRICS(type, name, group)        the checkpoint's val_metrics
 *     META(type, name, kind, shown)     an entry NAME of the checkpoint's JSON text "meta"
 *
 * The kind of a META row is its form in JSON. If an older checkpoint lacks the entry, the value is:
 *
 *     WHOLE       0
 *     NUMBER      NaN, which is null in JSON
 *     SECONDS     0
 *     GUARD       no loss seen yet
 *     COLLAPSE    nothing known
 *     STAGE       0, which is 1 in JSON (only runs with train.stages write it)
 *     IN_STAGE    0 (likewise)
 *
 * To add a field, add a row. Inspect shows every FACT, the METRICS, and META rows that are `shown`.
 */
#ifndef BIFRONS_DRIVER_TRAIN_STATE_TABLE_H
#define BIFRONS_DRIVER_TRAIN_STATE_TABLE_H

/* clang-format off */
#define TRAIN_STATE(FACT, METRICS, META) \
    META(int64_t, stage, STAGE, true)           /* of train.stages, from 0 */ \
    META(int64_t, stage_step, IN_STAGE, false)  /* step at which the stage began … */ \
    META(uint64_t, stage_position, IN_STAGE, false) /* … and position */ \
    FACT(int64_t, step, step)                   /* optimizer steps done, of all stages */ \
    FACT(uint64_t, position, position)          /* pictures of each person consumed: the cursor of the order */ \
    FACT(double, train_loss, loss)              /* of the last step; NaN before the first */ \
    FACT(double, val_loss, val_loss)            /* of the last validation; NaN before the first */ \
    METRICS(struct val_metrics, val_metrics, val_metrics) /* likewise */ \
    FACT(int64_t, discriminator_steps, discriminator_steps) /* updates of the discriminators */ \
    META(double, best_value, NUMBER, false)     /* the metric of checkpoint.best, in best.pt; NaN: none yet */ \
    META(int64_t, best_step, WHOLE, false)      /* step of best.pt; 0: none of this stage */ \
    META(double, best_seen, NUMBER, false)      /* best value so far of that metric; NaN: none yet */ \
    META(int64_t, stale, WHOLE, false)          /* validations in a row that were not better */ \
    META(double, wall_s, SECONDS, false)        /* training time before this start */ \
    META(int64_t, metrics_bytes, WHOLE, false)  /* length of metrics.jsonl at this point */ \
    META(double, save_s, SECONDS, false)        /* the slowest save lately; 0: none yet */ \
    META(double, stretch_s, SECONDS, false)     /* walltime.h: longest time between two chances to stop; 0: not known */ \
    META(struct guard, guard, GUARD, false) \
    META(struct collapse, collapse, COLLAPSE, false)
/* clang-format on */

/* For row kinds that a use of the table ignores. */
#define STATE_SKIP(...)

#endif
