/* bifrons-video write: encodes the frames that bifrons sends, and copies the sound of their source.
 *
 * It ignores signals: when bifrons ends, for whatever reason, the link ends, and this program
 * removes its unfinished file. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "convert.h"
#include "link.h"
#include "programs.h"
#include "sound.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "base/poison.h"

enum { DURATIONS = 1024, USUAL_FPS = 25 };

struct writer {
    const char *path, *format, *sound_path; /* sound_path "": none */
    struct video_head head;

    AVFormatContext *out;
    AVCodecContext *encoder;
    AVStream *stream;
    AVPacket *packet;
    struct convert convert;
    struct sound sound;
    struct {
        int64_t ticks, duration;
    } shown[DURATIONS]; /* a ring of the last frames: encoders forget durations */
    int64_t last;       /* ticks of the last frame */
    struct video_written done;
};

static enum status fail(int error, const char *what, struct errmsg *em)
{
    char why[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(error, why, sizeof why);
    return FAIL(em, error == AVERROR(ENOMEM) ? ST_MEMORY : ST_IO, "%s: %s", what, why);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* 4:2:0, which all players support; 4:4:4 for an odd size, because H.264 has none in 4:2:0. */
static enum AVPixelFormat pixel_format(const AVCodec *codec, const struct video_head *h)
{
    bool odd = (h->width | h->height) & 1;
    for (const enum AVPixelFormat *p = codec->pix_fmts; odd && p && *p != AV_PIX_FMT_NONE; p++)
        if (*p == AV_PIX_FMT_YUV444P)
            return *p;
    return AV_PIX_FMT_YUV420P;
}

/* Opens an encoder. Returns an error of libavcodec's; then none is open. */
static int open_encoder(struct writer *w, const AVCodec *codec)
{
    const struct video_head *h = &w->head;
    AVCodecContext *e = avcodec_alloc_context3(codec);
    if (!e)
        return AVERROR(ENOMEM);
    e->width = h->width;
    e->height = h->height;
    e->pix_fmt = pixel_format(codec, h);
    e->time_base = (AVRational){(int)h->base_num, (int)h->base_den};
    e->framerate = av_d2q(h->fps > 0 ? h->fps : USUAL_FPS, 100000);
    e->sample_aspect_ratio = (AVRational){1, 1};
    e->colorspace = AVCOL_SPC_BT709;
    e->color_primaries = AVCOL_PRI_BT709;
    e->color_trc = AVCOL_TRC_BT709;
    e->color_range = AVCOL_RANGE_MPEG;
    if (w->out->oformat->flags & AVFMT_GLOBALHEADER)
        e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (strcmp(codec->name, "mpeg4") == 0) {
        e->flags |= AV_CODEC_FLAG_QSCALE;
        e->global_quality = 2 * FF_QP2LAMBDA;
    }
    (void)av_opt_set(e->priv_data, "crf", "18", 0); /* close to the source; mpeg4 has none */
    (void)av_opt_set(e->priv_data, "cpu-used", "4", 0);
    int error = avcodec_open2(e, codec, NULL);
    if (error < 0)
        avcodec_free_context(&e);
    w->encoder = e;
    return error;
}

static enum status choose_encoder(struct writer *w, struct errmsg *em)
{
    static const char *const names[] = {"libx264", "libvpx-vp9", "mpeg4"};
    int error = AVERROR_ENCODER_NOT_FOUND;
    w->head.codec[sizeof w->head.codec - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(names) && !w->encoder; i++) {
        const AVCodec *codec = avcodec_find_encoder_by_name(names[i]);
        if (w->head.codec[0] && strcmp(w->head.codec, names[i]) != 0)
            continue;
        if (codec && avformat_query_codec(w->out->oformat, codec->id, FF_COMPLIANCE_NORMAL) == 1)
            error = open_encoder(w, codec);
    }
    if (!w->encoder)
        return fail(error, "none of the encoders libx264, libvpx-vp9 and mpeg4 takes these frames",
                    em);
    snprintf(w->done.codec, sizeof w->done.codec, "%s", w->encoder->codec->name);
    return ST_OK;
}

static enum status add_video(struct writer *w, struct errmsg *em)
{
    w->stream = avformat_new_stream(w->out, NULL);
    w->packet = av_packet_alloc();
    if (!w->stream || !w->packet ||
        avcodec_parameters_from_context(w->stream->codecpar, w->encoder) < 0)
        return FAIL(em, ST_MEMORY, "out of memory");
    w->stream->time_base = w->encoder->time_base;
    w->stream->avg_frame_rate = w->encoder->framerate;
    w->convert.base = w->encoder->time_base;
    w->convert.width = w->head.width;
    w->convert.height = w->head.height;
    w->convert.out = w->encoder->pix_fmt;
    return ST_OK;
}

static enum status open_output(struct writer *w, struct errmsg *em)
{
    char url[PATH_BYTES_MAX + 8];
    const struct sound_part part = {(double)w->head.from_ticks * (double)w->head.base_num /
                                        (double)w->head.base_den,
                                    w->head.to_s > 0 ? w->head.to_s : INFINITY};
    snprintf(url, sizeof url, "file:%s", w->path);
    int error = avformat_alloc_output_context2(&w->out, NULL, w->format, url);
    enum status st = error < 0 ? fail(error, "cannot write this kind of file", em) : ST_OK;
    if (st == ST_OK)
        st = choose_encoder(w, em);
    if (st == ST_OK)
        st = add_video(w, em);
    if (st == ST_OK && w->sound_path[0])
        st = sound_open(&w->sound, w->sound_path, part, w->out, em);
    if (st != ST_OK)
        return st;
    av_dict_set(&w->out->metadata, "comment", w->head.comment, 0);
    error = avio_open(&w->out->pb, url, AVIO_FLAG_WRITE);
    if (error >= 0)
        error = avformat_write_header(w->out, NULL);
    return error < 0 ? fail(error, "cannot be written", em) : ST_OK;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

/* How long the frame at these ticks is shown: until the next, or as the source says, or as long as
 * the one before. */
static int64_t duration_at(const struct writer *w, int64_t ticks)
{
    int64_t before = 0;
    int64_t first = MAX(w->done.frames - DURATIONS, 0);
    for (int64_t i = first; i < w->done.frames; i++) {
        if (w->shown[i % DURATIONS].ticks < ticks) {
            before = ticks - w->shown[i % DURATIONS].ticks;
            continue;
        }
        if (i + 1 < w->done.frames)
            return w->shown[(i + 1) % DURATIONS].ticks - ticks;
        return w->shown[i % DURATIONS].duration > 0 ? w->shown[i % DURATIONS].duration : before;
    }
    return before;
}

/* Writes the packets that are ready, each after the sound that belongs before it. */
static enum status write_packets(struct writer *w, struct errmsg *em)
{
    enum status st = ST_OK;
    int error = 0;
    while (st == ST_OK && (error = avcodec_receive_packet(w->encoder, w->packet)) >= 0) {
        link_working();
        AVRational base = w->encoder->time_base;
        w->packet->duration = duration_at(w, w->packet->pts);
        st = sound_copy(&w->sound, (double)w->packet->dts * av_q2d(base), em);
        if (st != ST_OK)
            break;
        av_packet_rescale_ts(w->packet, base, w->stream->time_base);
        w->packet->stream_index = w->stream->index;
        error = av_interleaved_write_frame(w->out, w->packet);
        if (error < 0)
            return fail(error, "cannot be written", em);
    }
    av_packet_unref(w->packet);
    return st != ST_OK || error >= 0 || error == AVERROR(EAGAIN) || error == AVERROR_EOF
               ? st
               : fail(error, "its frames cannot be encoded", em);
}

static enum status encode(void *context, AVFrame *f, struct errmsg *em)
{
    struct writer *w = context;
    f->pict_type = AV_PICTURE_TYPE_NONE;
    f->colorspace = w->encoder->colorspace;
    f->color_range = w->encoder->color_range;
    int error = avcodec_send_frame(w->encoder, f);
    return error < 0 ? fail(error, "its frames cannot be encoded", em) : write_packets(w, em);
}

static enum status receive_rows(AVFrame *f, struct errmsg *em)
{
    for (int y = 0; y < f->height; y++)
        if (!link_receive_bytes(f->data[0] + (ptrdiff_t)y * f->linesize[0], (size_t)f->width * 3))
            return FAIL(em, ST_INTERNAL, "bifrons has gone");
    return ST_OK;
}

static enum status take_frame(struct writer *w, const struct video_message *m, struct errmsg *em)
{
    AVFrame *f = av_frame_alloc();
    enum status st = f ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK && w->done.frames > 0 && m->ticks <= w->last)
        st = FAIL(em, ST_INTERNAL, "a frame at tick %" PRId64 " follows one at tick %" PRId64,
                  m->ticks, w->last);
    if (st == ST_OK) {
        f->width = w->head.width;
        f->height = w->head.height;
        f->format = AV_PIX_FMT_RGB24;
        f->pts = w->last = m->ticks;
        f->colorspace = AVCOL_SPC_RGB;
        f->color_range = AVCOL_RANGE_JPEG;
        w->shown[w->done.frames % DURATIONS].ticks = m->ticks;
        w->shown[w->done.frames++ % DURATIONS].duration = m->duration;
        int error = av_frame_get_buffer(f, 0);
        st = error < 0 ? fail(error, "cannot be encoded", em) : receive_rows(f, em);
    }
    if (st == ST_OK)
        st = convert_frame(&w->convert, f, em);
    av_frame_free(&f);
    return st;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static enum status finish(struct writer *w, int64_t sound_ticks, struct errmsg *em)
{
    double base_s = (double)w->head.base_num / (double)w->head.base_den;
    enum status st = convert_frame(&w->convert, NULL, em);
    int error = st == ST_OK ? avcodec_send_frame(w->encoder, NULL) : 0;
    if (error < 0)
        st = fail(error, "its frames cannot be encoded", em);
    if (st == ST_OK)
        st = write_packets(w, em);
    if (st == ST_OK)
        st = sound_copy(&w->sound, sound_ticks > 0 ? (double)sound_ticks * base_s : INFINITY, em);
    if (st != ST_OK)
        return st;
    error = av_write_trailer(w->out);
    int closed = avio_closep(&w->out->pb);
    error = error < 0 ? error : closed;
    w->done.sounds = w->sound.copied;
    w->done.left = sound_left(&w->sound);
    w->done.sound_moved = w->sound.moved;
    w->done.sound_lost = w->sound.lost;
    return error < 0 ? fail(error, "cannot be written", em) : ST_OK;
}

static enum status write_all(struct writer *w, struct errmsg *em)
{
    struct video_message m;
    size_t frame = 0;
    enum status st = ST_OK;
    if (!link_receive(&m) || m.kind != VIDEO_HEAD || m.bytes != sizeof w->head ||
        !link_receive_bytes(&w->head, sizeof w->head))
        return FAIL(em, ST_INTERNAL, "bifrons has gone");
    w->head.comment[sizeof w->head.comment - 1] = '\0';
    frame = (size_t)w->head.width * (size_t)w->head.height * 3;
    st = open_output(w, em);
    while (st == ST_OK) {
        if (!link_receive(&m))
            return FAIL(em, ST_INTERNAL, "bifrons has gone");
        if (m.kind != VIDEO_FRAME || m.bytes != frame)
            break;
        st = take_frame(w, &m, em);
    }
    if (st == ST_OK && m.kind != VIDEO_END)
        st = FAIL(em, ST_INTERNAL, "an unknown message");
    return st == ST_OK ? finish(w, m.ticks, em) : st;
}

static void writer_release(struct writer *w)
{
    convert_release(&w->convert);
    sound_release(&w->sound);
    av_packet_free(&w->packet);
    avcodec_free_context(&w->encoder);
    if (w->out)
        avio_closep(&w->out->pb);
    avformat_free_context(w->out);
}

void program_write(char **arguments)
{
    struct errmsg em = {0};
    struct writer w = {.path = arguments[0], .format = arguments[1], .sound_path = arguments[2]};
    w.convert.take = encode;
    w.convert.context = &w;
    prctl(PR_SET_PDEATHSIG, 0); /* the end of the link ends this program, after it has tidied up */
    link_ignore_signals();
    enum status st = write_all(&w, &em);
    writer_release(&w);
    if (st != ST_OK)
        unlink(w.path);
    if (st == ST_OK)
        link_send_kind(VIDEO_END, &w.done, sizeof w.done);
    else
        link_send_kind(VIDEO_FAILED, &em, sizeof em);
}
