#include "frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/hash.h"
#include "data/file_kind.h"
#include "inputs.h"
#include "video_frames.h"

#include "base/poison.h"

/* Readers of files with several frames. A photograph needs none: frame_load decodes it. */
static const struct {
    enum file_group group;
    const struct frame_reader *reader;
} readers[] = {
    {FILE_VIDEO, &video_frames},
};

struct frames {
    struct inputs inputs;
    struct video_options video;
    size_t next;                       /* of inputs */
    const struct frame_reader *reader; /* of the file that is being read; NULL: none */
    void *state;
};

static void close_file(struct frames *f)
{
    if (f->reader)
        f->reader->close(f->state);
    f->reader = NULL;
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    close_file(f);
    inputs_release(&f->inputs);
    free(f);
}

/* Options that nothing uses are refused, not ignored. */
static enum status check_options(const struct frames *f, const char *word, struct errmsg *em)
{
    const struct video_options *v = &f->video;
    bool given = v->from_s > 0 || v->to_s > 0 || v->every > 1 || v->fps > 0;
    return given && f->inputs.n_videos == 0
               ? FAIL(em, ST_USAGE,
                      "--from, --to, --every and --fps are for videos, and %s holds none", word)
               : ST_OK;
}

enum status frames_open(const char *const *words, size_t n_words, const struct video_options *video,
                        struct frames **out, struct errmsg *em)
{
    struct frames *f = calloc(1, sizeof *f);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    f->video = *video;
    enum status st = inputs_list(words, n_words, &f->inputs, em);
    if (st == ST_OK)
        st = check_options(f, words[0], em);
    if (st == ST_OK)
        *out = f;
    else
        frames_free(f);
    return st;
}

/* NULL: frame_load decodes the file, or fails with the reason. */
static const struct frame_reader *reader_of(const char *path)
{
    const struct file_kind *kind;
    struct errmsg ignored = {0}; /* frame_load says why */
    if (file_kind_read(path, &kind, &ignored) == ST_OK)
        for (size_t i = 0; i < ARRAY_LENGTH(readers); i++)
            if (readers[i].group == kind->group)
                return readers[i].reader;
    return NULL;
}

/* The next frame of the open file; *more_out = false: it has no more. */
static enum status next_of_file(struct frames *f, struct frame *out, bool *more_out,
                                struct errmsg *em)
{
    out->path = f->inputs.paths[f->next - 1];
    enum status st = f->reader->next(f->state, out, more_out, em);
    if (st != ST_OK || !*more_out)
        close_file(f);
    return st;
}

enum status frames_next(struct frames *f, struct frame *out, bool *more_out, struct errmsg *em)
{
    *out = (struct frame){.time_s = NAN};
    for (;;) {
        bool more = false;
        enum status st = f->reader ? next_of_file(f, out, &more, em) : ST_OK;
        *more_out = more || f->next < f->inputs.n;
        if (st != ST_OK || more || !*more_out)
            return st;
        const char *path = f->inputs.paths[f->next++];
        *out = (struct frame){.path = path, .time_s = NAN};
        const struct frame_reader *reader = reader_of(path);
        if (!reader)
            return ST_OK;
        if ((st = reader->open(path, &f->video, &f->state, em)) != ST_OK)
            return st;
        f->reader = reader;
    }
}

enum status frame_load(struct frame *frame, struct errmsg *em)
{
    return frame->picture.rgb ? ST_OK : picture_read(frame->path, &frame->picture, em);
}

void frame_release(struct frame *frame)
{
    picture_release(&frame->picture);
    *frame = (struct frame){0};
}

double frames_share(const struct frames *f)
{
    double open = f->reader ? f->reader->share(f->state) - 1 : 0;
    return ((double)f->next + open) / (double)f->inputs.n;
}

uint64_t frames_hash(const struct frames *f)
{
    const struct video_options *v = &f->video;
    const double which[] = {v->from_s, v->to_s, v->every, v->fps};
    uint64_t hash = hash64(which, sizeof which, 0);
    for (size_t i = 0; i < f->inputs.n; i++) {
        struct stat about;
        const char *path = f->inputs.paths[i];
        hash = hash64(path, strlen(path), hash);
        if (stat(path, &about) != 0)
            continue;
        const int64_t facts[] = {about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
        hash = hash64(facts, sizeof facts, hash);
    }
    return hash;
}
