/* bifrons-video read: sends the wanted frames of a video as RGB. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/display.h>

#include "base/checked.h"
#include "convert.h"
#include "link.h"
#include "programs.h"
#include "source.h"

#include "base/poison.h"

struct reader {
    const char *path;
    double from_s, to_s, fps;
    long every;

    struct source source;
    struct convert convert;
    struct video_info info;
    int64_t seen;     /* frames since from_s */
    double next_s;    /* with fps: the next frame is at this time or later */
    bool select_late; /* interlaced: the conversion needs all frames, so frames are selected after
                         it */
    uint8_t *rows;
};

/* ---- What the head says ---------------------------------------------------------------------- */

/* The filters that turn a picture as its display matrix says; sets info.rotation. */
static enum status find_turn(struct reader *r, struct errmsg *em)
{
    const int32_t *m =
        (const int32_t *)av_stream_get_side_data(r->source.stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    double degrees = m ? -av_display_rotation_get(m) : 0; /* clockwise */
    if (isnan(degrees))
        degrees = 0;
    int turns = (int)lround(degrees / 90), quarters = (turns % 4 + 4) % 4;
    if (fabs(degrees - 90 * turns) > 1)
        return FAIL(em, ST_DATA,
                    "it is rotated by %.0f degrees; only multiples of 90 degrees are supported",
                    degrees);
    r->info.rotation = 90 * quarters;
    if (!m)
        return ST_OK;
    bool mirrored = (int64_t)m[0] * m[4] - (int64_t)m[1] * m[3] < 0;
    static const char *const filters[2][4] = {
        {NULL,     "transpose=clock,",       "hflip,vflip,", "transpose=cclock,"    },
        {"vflip,", "transpose=cclock_flip,", "hflip,",       "transpose=clock_flip,"},
    };
    r->convert.turn = filters[mirrored][quarters];
    return ST_OK;
}

/* The size with square pixels, before it is turned. */
static enum status find_size(struct reader *r, const AVFrame *f, struct errmsg *em)
{
    AVRational pixel =
        av_guess_sample_aspect_ratio(r->source.format, r->source.stream, r->source.frame);
    double ratio = pixel.num > 0 && pixel.den > 0 ? av_q2d(pixel) : 1, wide = f->width * ratio;
    if (!(wide >= 1) || wide > PICTURE_SIDE_MAX || wide * f->height > (double)VIDEO_PIXELS_MAX)
        return FAIL(em, ST_DATA, "its pixels are %d:%d, which makes pictures of %.0f x %d",
                    pixel.num, pixel.den, wide, f->height);
    r->convert.width = (int)lround(wide);
    r->convert.height = f->height;
    bool sideways = r->info.rotation % 180 != 0;
    r->info.width = sideways ? r->convert.height : r->convert.width;
    r->info.height = sideways ? r->convert.width : r->convert.height;
    return ST_OK;
}

/* Dolby Vision profile 5 stores colours in a colour space that only its metadata describe. */
static enum status check_dolby(const struct reader *r, struct errmsg *em)
{
    size_t n = 0;
    const uint8_t *dolby = av_stream_get_side_data(r->source.stream, AV_PKT_DATA_DOVI_CONF, &n);
    return dolby && n > 2 && dolby[2] == 5 ? FAIL(em, ST_DATA,
                                                  "it is Dolby Vision of profile 5, which is not "
                                                  "supported: record HLG, HDR10 or "
                                                  "standard range")
                                           : ST_OK;
}

static void describe(struct reader *r)
{
    const struct source *s = &r->source;
    struct video_info *i = &r->info;
    double seconds = s->stream->duration != AV_NOPTS_VALUE
                         ? (double)s->stream->duration * av_q2d(s->stream->time_base)
                     : s->format->duration != AV_NOPTS_VALUE
                         ? (double)s->format->duration / AV_TIME_BASE
                         : 0;
    i->base_num = s->stream->time_base.num;
    i->base_den = s->stream->time_base.den;
    i->duration_s = fmax(seconds, 0);
    i->fps = s->stream->avg_frame_rate.num > 0 && s->stream->avg_frame_rate.den > 0
                 ? av_q2d(s->stream->avg_frame_rate)
                 : 0;
    i->sound = av_find_best_stream(s->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0;
    snprintf(i->codec, sizeof i->codec, "%s", avcodec_get_name(s->stream->codecpar->codec_id));
}

/* Decodes the first frame, because only frames say what they are, and sends the head. */
static enum status begin(struct reader *r, struct errmsg *em)
{
    bool got = false;
    enum status st = check_dolby(r, em);
    if (st == ST_OK)
        st = source_next(&r->source, &got, em);
    if (st == ST_OK && !got)
        st = FAIL(em, ST_DATA, "no frame of it can be decoded");
    if (st == ST_OK)
        st = convert_check(r->source.frame, r->info.converted, em);
    if (st == ST_OK)
        st = find_turn(r, em);
    if (st == ST_OK)
        st = find_size(r, r->source.frame, em);
    if (st != ST_OK)
        return st;
    describe(r);
    r->source.end.wide = convert_leaves_wide(r->source.frame);
    r->convert.base = r->source.stream->time_base;
    r->rows = malloc((size_t)r->info.width * (size_t)r->info.height * 3);
    if (!r->rows)
        return FAIL(em, ST_MEMORY, "out of memory");
    source_hold(&r->source);
    link_send_kind(VIDEO_HEAD, &r->info, sizeof r->info);
    return ST_OK;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static double seconds_of(const struct reader *r, const AVFrame *f)
{
    return (double)f->pts * av_q2d(r->convert.base);
}

/* True if the frame is wanted. Counts the frames: call it once for each, in order. */
static bool is_wanted(struct reader *r, const AVFrame *f)
{
    double t = seconds_of(r, f);
    if (t < r->from_s || t >= r->to_s)
        return false;
    if (r->seen++ % r->every != 0)
        return false;
    if (r->fps > 0) {
        if (t < r->next_s)
            return false;
        r->next_s = (floor(t * r->fps + 1e-6) + 1) / r->fps - 1e-6;
    }
    return true;
}

static enum status send_picture(void *context, AVFrame *f, struct errmsg *em)
{
    struct reader *r = context;
    if (r->select_late && !is_wanted(r, f))
        return ST_OK;
    if (f->width != r->info.width || f->height != r->info.height)
        return FAIL(em, ST_DATA, "its pictures cannot be converted to %d x %d", r->info.width,
                    r->info.height);
    size_t row = (size_t)f->width * 3;
    for (size_t y = 0; y < (size_t)f->height; y++)
        memcpy(r->rows + y * row, f->data[0] + (ptrdiff_t)y * f->linesize[0], row);
    const struct video_message m = {.magic = VIDEO_MAGIC,
                                    .kind = VIDEO_FRAME,
                                    .bytes = row * (size_t)f->height,
                                    .ticks = f->pts,
                                    .duration = MAX(f->pkt_duration, 0)};
    link_send(&m, r->rows);
    return ST_OK;
}

static enum status read_all(struct reader *r, struct errmsg *em)
{
    bool got = true;
    enum status st = source_open(r->path, &r->source, em);
    if (st == ST_OK)
        st = begin(r, em);
    if (st == ST_OK && r->from_s > 0)
        st = source_seek(&r->source, (int64_t)floor(r->from_s / av_q2d(r->convert.base)), em);
    while (st == ST_OK && (st = source_next(&r->source, &got, em)) == ST_OK && got) {
        AVFrame *f = r->source.frame;
        if (seconds_of(r, f) >= r->to_s)
            break;
        r->select_late = r->select_late || f->interlaced_frame;
        if (r->select_late || is_wanted(r, f))
            st = convert_frame(&r->convert, f, em);
    }
    if (st == ST_OK)
        st = convert_frame(&r->convert, NULL, em);
    return st;
}

void program_read(char **arguments)
{
    struct errmsg em = {0};
    link_ignore_signals();
    struct reader r = {.path = arguments[0],
                       .from_s = strtod(arguments[1], NULL),
                       .to_s = strtod(arguments[2], NULL),
                       .every = strtol(arguments[3], NULL, 10),
                       .fps = strtod(arguments[4], NULL)};
    r.convert = (struct convert){.out = AV_PIX_FMT_RGB24, .take = send_picture, .context = &r};
    if (read_all(&r, &em) == ST_OK)
        link_send_kind(VIDEO_END, &r.source.end, sizeof r.source.end);
    else
        link_send_kind(VIDEO_FAILED, &em, sizeof em);
    convert_release(&r.convert);
    source_release(&r.source);
    free(r.rows);
}
