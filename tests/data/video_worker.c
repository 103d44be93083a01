/*
 * Reads a video for tests/data/test_video.py, or passes it through reader and writer:
 *
 *     video_worker read FILE [from=S] [to=S] [every=N] [fps=R] [within=S] [program=PATH]
 *     video_worker pass FILE OUT [codec=NAME] [break=N] [the same]
 *
 * prints a line for the video, a line for each frame (ticks, time, the colours of five points), and
 * the problems. Exits with the status. break: after N frames it says so and waits to be killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/video_writer.h"

struct worker {
    struct video_options o;
    const char *in, *out, *codec;
    long break_after;
};

static void set_option(struct worker *w, const char *word)
{
    struct video_options *o = &w->o;
    const char *value = strchr(word, '=');
    double number = value ? strtod(value + 1, NULL) : 0;
    if (strncmp(word, "from=", 5) == 0)
        o->from_s = number;
    else if (strncmp(word, "to=", 3) == 0)
        o->to_s = number;
    else if (strncmp(word, "every=", 6) == 0)
        o->every = (int)number;
    else if (strncmp(word, "fps=", 4) == 0)
        o->fps = number;
    else if (strncmp(word, "within=", 7) == 0)
        o->within_s = number;
    else if (strncmp(word, "program=", 8) == 0)
        o->program = value + 1;
    else if (strncmp(word, "codec=", 6) == 0)
        w->codec = value + 1;
    else if (strncmp(word, "break=", 6) == 0)
        w->break_after = (long)number;
}

/* The colours at the middle of the left upper, right upper, left lower, right lower quarter, and in
 * the middle. */
static void print_frame(const struct video_frame *f)
{
    static const int at[5][2] = {
        {1, 1},
        {3, 1},
        {1, 3},
        {3, 3},
        {2, 2}
    };
    printf("frame %lld %lld %.9f", (long long)f->ticks, (long long)f->duration, f->time_s);
    for (int i = 0; i < 5; i++) {
        size_t x = (size_t)(f->picture.width * at[i][0] / 4),
               y = (size_t)(f->picture.height * at[i][1] / 4);
        const uint8_t *p = f->picture.rgb + (y * (size_t)f->picture.width + x) * 3;
        printf(" %d,%d,%d", p[0], p[1], p[2]);
    }
    putchar('\n');
}

static enum status open_writer(const struct worker *w, const struct video_info *i,
                               struct video_writer **out, struct errmsg *em)
{
    static const struct picture_mark mark = {.source = PICTURE_SOURCE_COMPOSITE,
                                             .checkpoint_hash = "00112233445566778899aabbccddeeff"};
    const struct video_output o = {.width = i->width,
                                   .height = i->height,
                                   .base_num = i->base_num,
                                   .base_den = i->base_den,
                                   .fps = i->fps,
                                   .from_ticks = w->o.from_s > 0
                                                     ? (int64_t)(w->o.from_s * (double)i->base_den /
                                                                 (double)i->base_num)
                                                     : 0,
                                   .to_s = w->o.to_s,
                                   .sound_of = i->sound ? w->in : NULL,
                                   .mark = &mark,
                                   .codec = w->codec,
                                   .program = w->o.program};
    return video_writer_open(w->out, &o, out, em);
}

static enum status finish(struct video_writer *to, struct errmsg *em)
{
    struct video_written done;
    enum status st = video_writer_finish(to, &done, em);
    if (st == ST_OK)
        st = video_writer_commit(to, em);
    if (st == ST_OK)
        printf("written %lld %lld %lld %lld %lld %s\n", (long long)done.frames,
               (long long)done.sounds, (long long)done.left, (long long)done.sound_moved,
               (long long)done.sound_lost, done.codec);
    return st;
}

static enum status run(const struct worker *w, struct errmsg *em)
{
    struct video *v = NULL;
    struct video_writer *to = NULL;
    struct video_frame f = {0};
    long n = 0;
    enum status st = video_open(w->in, &w->o, &v, em);
    if (st == ST_OK) {
        const struct video_info *i = video_get_info(v);
        printf("video %d %d %lld/%lld %.3f %.3f %d %d %s [%s]\n", i->width, i->height,
               (long long)i->base_num, (long long)i->base_den, i->duration_s, i->fps, i->rotation,
               i->sound, i->codec, i->converted);
        st = w->out ? open_writer(w, i, &to, em) : ST_OK;
    }
    while (st == ST_OK && (st = video_next(v, &f, em)) == ST_OK && f.picture.rgb) {
        print_frame(&f);
        if (to)
            st = video_writer_add(to, &f.picture, f.ticks, f.duration, em);
        if (++n == w->break_after) {
            puts("breaking");
            fflush(stdout);
            pause();
        }
    }
    if (st == ST_OK)
        printf("problems %s\n", video_problems(v));
    if (st == ST_OK && to)
        st = finish(to, em);
    video_writer_free(to);
    video_frame_release(&f);
    video_free(v);
    return st;
}

int main(int argc, char **argv)
{
    struct worker w = {0};
    struct errmsg em = {0};
    int first = argc > 1 && strcmp(argv[1], "pass") == 0 ? 4 : 3;
    if (argc < first)
        return 64;
    w.in = argv[2];
    w.out = first == 4 ? argv[3] : NULL;
    for (int i = first; i < argc; i++)
        set_option(&w, argv[i]);
    enum status st = run(&w, &em);
    if (st != ST_OK)
        fprintf(stderr, "%s\n", em.text);
    return status_exit_code(st);
}
