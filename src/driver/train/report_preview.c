/* Previews of a run: pictures through the current network, as sheets in files and TensorBoard. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "feed.h"
#include "preview.h"
#include "preview_faces.h"
#include "report.h"

#include "base/poison.h"

/* Encodes a sheet once, and writes it to the file and to TensorBoard. */
static enum status put_sheet(struct report *r, const struct picture *sheet, const char *name,
                             struct errmsg *em)
{
    const struct session *s = r->session;
    char file[64], tag[64], folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    snprintf(file, sizeof file, "step-%010lld-%s.png", (long long)s->state.step, name);
    snprintf(tag, sizeof tag, "preview/%s", name);
    if (!path_join(folder, sizeof folder, s->run.out, "previews") ||
        !path_join(path, sizeof path, folder, file))
        return FAIL(em, ST_IO, "path too long: %s", s->run.out);
    uint8_t *png = NULL;
    size_t n = 0;
    struct picture_mark mark = preview_mark(NULL);
    enum status st = picture_encode_png(sheet, &mark, &png, &n, em);
    if (st == ST_OK)
        st = file_write_atomic(path, png, n, em);
    if (st == ST_OK && r->tensorboard)
        st = tensorboard_image(r->tensorboard, tag, s->state.step, png, n, sheet->width,
                               sheet->height, em);
    free(png);
    return st;
}

static enum status draw_sheets(struct report *r, const struct preview_pictures *p,
                               struct errmsg *em)
{
    const struct session *s = r->session;
    const struct preview_state state = {.stage = session_stage_number(s),
                                        .stages = s->run.config.train.stages.n,
                                        .step = s->state.step,
                                        .epoch = session_epoch_number(s),
                                        .val_loss = s->state.val_loss};
    struct picture sheet = {0};
    enum status st = preview_grid(p, 0, &state, &sheet, em);
    if (st == ST_OK)
        st = put_sheet(r, &sheet, "grid", em);
    picture_release(&sheet);
    if (st == ST_OK)
        st = preview_swaps(p, &state, &sheet, em);
    if (st == ST_OK)
        st = put_sheet(r, &sheet, "swaps", em);
    picture_release(&sheet);
    return st;
}

/* A failure ends the measuring, not the training. */
static void measure_faces(struct report *r, const struct preview_pictures *p)
{
    struct errmsg em = {0};
    struct likeness_sum of[MODEL_PEOPLE] = {0};
    if (!r->faces || !(session_stage_is_over(r->session) || preview_faces_are_due(r->faces)))
        return;
    if (preview_faces_measure(r->faces, r->session, p, of, &em) == ST_OK) {
        report_faces(r, of);
        return;
    }
    log_warn("faces of swaps are not measured: %s; training continues", em.text);
    preview_faces_free(r->faces);
    r->faces = NULL;
}

/* Row of the i-th picture in the preview: held-out pictures first, the same ones during the whole
 * run. */
static int64_t shown_row(const struct order *o, int64_t i)
{
    int64_t held_out = order_val_count(o);
    return i < held_out ? order_val_row(o, i)
                        : order_train_row(o, (i - held_out) % order_train_count(o));
}

static enum status run_and_draw(struct report *r, struct batch *b, uint8_t *memory,
                                struct errmsg *em)
{
    struct session *s = r->session;
    size_t bytes = PREVIEW_PAIRS * (size_t)b->size * (size_t)b->size * 3;
    int64_t rows[2][PREVIEW_PAIRS];
    struct model_pictures out = {0};
    struct preview_pictures shown = {.n = PREVIEW_PAIRS, .size = b->size};
    for (int p = 0; p < 2; p++) {
        for (int i = 0; i < PREVIEW_PAIRS; i++)
            rows[p][i] = shown_row(s->run.orders[p], i);
        out.recon[p] = memory + (size_t)(2 * p) * bytes;
        out.swap[p] = memory + (size_t)(2 * p + 1) * bytes;
        shown.name[p] = set_get_info(s->run.sets[p])->person;
        shown.original[p] = b->images[p];
        shown.recon[p] = out.recon[p];
        shown.swap[p] = out.swap[p];
    }
    feed_pause(s->stage.feed);
    enum status st = loader_fill_rows(s->stage.loader, rows[0], rows[1], PREVIEW_PAIRS, b, em);
    if (st == ST_OK)
        st = model_run(s->stage.model, b, &out, em);
    if (st == ST_OK)
        measure_faces(r, &shown);
    return st == ST_OK ? draw_sheets(r, &shown, em) : st;
}

void report_preview(struct report *r)
{
    if (!r->session)
        return;
    struct errmsg em = {0};
    struct batch b = {0};
    int size = feed_get_options(r->session->stage.feed)->size;
    uint8_t *memory = malloc((size_t)4 * PREVIEW_PAIRS * (size_t)size * (size_t)size * 3);
    enum status st = memory ? ST_OK : FAIL(&em, ST_MEMORY, "out of memory for a preview");
    if (st == ST_OK)
        st = batch_init(&b, PREVIEW_PAIRS, size,
                        r->session->run.config.model.pose ? BATCH_POSE | BATCH_POSE_KNOWN : 0, &em);
    if (st == ST_OK)
        st = run_and_draw(r, &b, memory, &em);
    if (st != ST_OK && !r->preview_failed)
        log_warn("no preview: %s", em.text);
    r->preview_failed = st != ST_OK;
    batch_release(&b);
    free(memory);
}
