#include "finish.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "command.h"
#include "config_schema.h"
#include "validate.h"
#include "validate_follow.h"

#include "base/poison.h"

/* ---- The result ------------------------------------------------------------------------------ */

static void print_measure(FILE *f, const struct val_metrics *m, enum val_answer answer,
                          const char *name)
{
    double l1 = m->number[val_metrics_mean(answer, VAL_L1)];
    double ssim = m->number[val_metrics_mean(answer, VAL_SSIM)];
    if (isfinite(l1) && isfinite(ssim))
        fprintf(f, "; %s L1 %.4f SSIM %.3f", name, l1, ssim);
}

static void print_reached(FILE *f, const struct session *s)
{
    const struct train_state *t = &s->state;
    const char *best = config_key_find("checkpoint.best")->words[s->run.config.checkpoint.best];
    char stage[SESSION_STAGE_TEXT_BYTES];
    session_stage_text(s, stage);
    fprintf(f, "reached: step %" PRId64, t->step);
    if (stage[0])
        fprintf(f, ", %s", stage);
    fprintf(f, ", epoch %" PRId64 " of %" PRId64, session_epoch_number(s), session_epochs_total(s));
    if (isfinite(t->val_loss))
        fprintf(f, "; validation loss %.4f", t->val_loss);
    print_measure(f, &t->val_metrics, VAL_RECON, "reconstruction");
    print_measure(f, &t->val_metrics, VAL_SWAP, "swap");
    if (validate_pairs(&s->run) == 0)
        fputs("; not validated, since a person has no picture that is held out "
              "(data.val_fraction): best.pt is the "
              "latest",
              f);
    else if (t->best_step > 0 && isfinite(t->best_value))
        fprintf(f, "; best %s %.4f at step %" PRId64,
                strcmp(best, "loss") == 0 ? "reconstruction loss" : best, t->best_value,
                t->best_step);
}

/* ---- How swaps follow their source pictures ---------------------------------------------------
 */

static void log_follow(const struct session *s, int person, const struct follow *f)
{
    char text[256];
    size_t n = 0;
    for (int i = 0; i < POSE_QUANTITIES; i++) {
        const struct follow_quantity *q = &f->of[i];
        if (isfinite(q->swap) && n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %.2f (%.2f)", n > 0 ? ", " : "",
                                  pose_quantity_name((enum pose_quantity)i), q->swap, q->reader);
    }
    if (n > 0)
        log_info("%c>%c: correlation of swap and source picture (in brackets: of %c's own pictures "
                 "and their points, by the same reader): %s",
                 'A' + person, 'B' - person, 'B' - person, text);
    char *wrong = follow_words(f, person);
    if (wrong)
        log_warn("%c>%c: %s%s", 'A' + person, 'B' - person, wrong,
                 s->run.config.model.pose
                     ? ""
                     : "; model.pose = \"given\" with loss.pose = 0.2 trains swaps to follow");
    free(wrong);
}

static void log_follows(const struct session *s)
{
    struct follow follow[MODEL_PEOPLE];
    validate_get_follow(s, follow);
    for (int p = 0; p < MODEL_PEOPLE; p++)
        log_follow(s, p, &follow[p]);
}

/* ---- The files, and the next command --------------------------------------------------------- */

/* OUT/checkpoints/best.pt, or the latest checkpoint if there is no best.pt. */
static const char *best_name(const struct run *run)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%.*s/checkpoints/best.pt", PATH_BYTES_MAX - 64, run->out);
    return file_exists(path) ? "best.pt" : "latest.pt";
}

static void print_inside(FILE *f, const struct session *s, const char *name)
{
    char path[PATH_BYTES_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", s->run.out, name);
    command_print_quoted(f, path);
}

static void print_places(FILE *f, const struct session *s)
{
    char name[64];
    fputs("checkpoints: ", f);
    for (int i = strcmp(best_name(&s->run), "best.pt") == 0 ? 0 : 1; i < 2; i++) {
        print_inside(f, s, i == 0 ? "checkpoints/best.pt" : "checkpoints/latest.pt");
        fputs(i == 0 ? " and " : "", f);
    }
    fputs("; previews: ", f);
    snprintf(name, sizeof name, "previews/step-%010" PRId64 "-grid.png", s->state.step);
    char path[PATH_BYTES_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", s->run.out, name);
    print_inside(f, s, file_exists(path) ? name : "previews");
    fputs(s->run.config.log.report ? "; report, for a browser: " : "; losses: ", f);
    print_inside(f, s, s->run.config.log.report ? "report.html" : "metrics.jsonl");
}

static void print_next(FILE *f, const struct session *s)
{
    char checkpoint[64];
    snprintf(checkpoint, sizeof checkpoint, "checkpoints/%s", best_name(&s->run));
    fputs("next: ", f);
    if (validate_pairs(&s->run) > 0) { /* without pairs eval has nothing to measure */
        fputs("bifrons eval ", f);
        print_inside(f, s, checkpoint);
        fputs("\n      ", f);
    }
    fputs("bifrons swap ", f);
    print_inside(f, s, checkpoint);
    fputc(' ', f);
    command_print_quoted(f, s->run.config.data.a);
    fputs(" -o ", f);
    print_inside(f, s, "swapped");
}

static void log_printed(const struct session *s, void (*print)(FILE *, const struct session *))
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return;
    print(f, s);
    if (fclose(f) == 0)
        log_info("%s", text);
    free(text);
}

void finish_log(const struct session *s)
{
    if (comm_rank(s->run.comm) != 0 || s->state.step == 0)
        return;
    log_printed(s, print_reached);
    log_follows(s);
    log_printed(s, print_places);
    log_printed(s, print_next);
}

/* ---- After a stop ---------------------------------------------------------------------------- */

/* The program that started the ranks, if it is known and not in the arguments. */
static const char *launcher(const struct train_arguments *a)
{
    if (a->ranks > 0)
        return NULL;
    return getenv("OMPI_COMM_WORLD_SIZE")   ? "mpirun"
           : getenv("SLURM_STEP_NUM_TASKS") ? "srun --mpi=pmix"
                                            : NULL;
}

void finish_log_command(const struct train_arguments *a, int world_size, int argc, char **argv)
{
    char *text = NULL;
    size_t n = 0;
    const char *with = launcher(a);
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return;
    if (with)
        fprintf(f, "%s -n %d ", with, world_size);
    int own = a->launcher > 0 ? 1 : 0; /* 1 if the first argument is --launched */
    int end = own + 1;                 /* of the options */
    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    command_print_line(f, "train", end - own, argv + own);
    if (strcmp(a->resume, "auto") != 0)
        fputs(" --resume auto", f); /* the last one counts */
    for (int i = end; i < argc; i++) {
        fputc(' ', f);
        command_print_quoted(f, argv[i]);
    }
    if (fclose(f) == 0)
        log_info("to go on: %s", text);
    free(text);
}
