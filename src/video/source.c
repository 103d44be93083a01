#include "source.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/cpus.h"
#include "base/file.h"
#include "link.h"

#include "base/poison.h"

enum { THREADS_MAX = 4, RATE_ASSUMED = 25, DRAIN_ERRORS_MAX = 64, SEEK_STEP_S = 10 };

/* The formats that file_kind.c calls videos. Playlists are left out: they refer to other files. */
static const char formats[] = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,"
                              "flv,asf,ogg";

static enum status fail(int error, const char *what, struct errmsg *em)
{
    char why[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(error, why, sizeof why);
    enum status st = error == AVERROR(ENOMEM)                               ? ST_MEMORY
                     : error == AVERROR(ENOENT) || error == AVERROR(EACCES) ? ST_NOINPUT
                                                                            : ST_DATA;
    return FAIL(em, st, "%s: %s", what, why);
}

enum status source_open_format(const char *path, AVFormatContext **out, struct errmsg *em)
{
    char url[PATH_BYTES_MAX + 8];
    AVDictionary *options = NULL;
    AVFormatContext *format = NULL;
    snprintf(url, sizeof url, "file:%s", path); /* so that a name with a colon is a name */
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "format_whitelist", formats, 0);
    int error = avformat_open_input(&format, url, NULL, &options);
    av_dict_free(&options);
    if (error < 0)
        return fail(error, "it is damaged, or not a video", em);
    error = avformat_find_stream_info(format, NULL);
    if (error < 0) {
        avformat_close_input(&format);
        return fail(error, "it is damaged", em);
    }
    *out = format;
    return ST_OK;
}

int64_t source_start(const AVFormatContext *format, AVRational base)
{
    return format->start_time == AV_NOPTS_VALUE || format->start_time < 0
               ? 0 /* below 0: sound whose beginning is for its decoder only */
               : av_rescale_q(format->start_time, AV_TIME_BASE_Q, base);
}

static enum status check_stream(AVFormatContext *format, int found, struct errmsg *em)
{
    bool sound = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0;
    if (found == AVERROR_DECODER_NOT_FOUND)
        return FAIL(em, ST_DATA, "its pictures are of a kind that this libavcodec cannot decode");
    if (found < 0 || format->streams[found]->disposition & AV_DISPOSITION_ATTACHED_PIC)
        return FAIL(em, ST_DATA, "it has no video%s", sound ? ", only sound" : "");
    const AVCodecParameters *p = format->streams[found]->codecpar;
    if (p->width > PICTURE_SIDE_MAX || p->height > PICTURE_SIDE_MAX ||
        (int64_t)p->width * p->height > VIDEO_PIXELS_MAX)
        return FAIL(em, ST_DATA, "its pictures of %d x %d pixels are too large", p->width,
                    p->height);
    return ST_OK;
}

static enum status open_decoder(struct source *s, const AVCodec *codec, struct errmsg *em)
{
    s->decoder = avcodec_alloc_context3(codec);
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    if (!s->decoder || !s->packet || !s->frame)
        return FAIL(em, ST_MEMORY, "out of memory");
    int error = avcodec_parameters_to_context(s->decoder, s->stream->codecpar);
    s->decoder->pkt_timebase = s->stream->time_base;
    s->decoder->max_pixels = VIDEO_PIXELS_MAX;
    s->decoder->thread_count = MIN(cpus_allowed(), THREADS_MAX);
    if (error >= 0)
        error = avcodec_open2(s->decoder, codec, NULL);
    return error < 0 ? fail(error, "its pictures cannot be decoded", em) : ST_OK;
}

enum status source_open(const char *path, struct source *s, struct errmsg *em)
{
    const AVCodec *codec = NULL;
    *s = (struct source){.last = INT64_MIN};
    enum status st = source_open_format(path, &s->format, em);
    if (st != ST_OK)
        return st;
    int found = av_find_best_stream(s->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    st = check_stream(s->format, found, em);
    if (st == ST_OK) {
        s->stream = s->format->streams[found];
        st = open_decoder(s, codec, em);
    }
    if (st != ST_OK)
        source_release(s);
    return st;
}

/* Gives the decoder the next packet, or the end. */
static void feed_decoder(struct source *s)
{
    int error = av_read_frame(s->format, s->packet);
    link_working(); /* hours of sound may lie between two frames */
    if (error < 0) {
        s->end.damaged += error != AVERROR_EOF;
        s->drained = s->end.whole = true;
        (void)avcodec_send_packet(s->decoder, NULL);
        return;
    }
    const AVStream *of = s->format->streams[s->packet->stream_index];
    int64_t at = s->packet->pts != AV_NOPTS_VALUE ? s->packet->pts : s->packet->dts;
    if (at != AV_NOPTS_VALUE) {
        double end_s = (double)(at + s->packet->duration - source_start(s->format, of->time_base)) *
                       av_q2d(of->time_base);
        s->end.end_s = end_s > s->end.end_s ? end_s : s->end.end_s;
    }
    bool its = of == s->stream;
    s->seek_key = s->seek_key && !(its && s->packet->flags & AV_PKT_FLAG_KEY);
    if (its && !s->seek_key && avcodec_send_packet(s->decoder, s->packet) < 0)
        s->end.damaged++;
    av_packet_unref(s->packet);
}

/* Ticks of a frame at the file's average rate. */
static int64_t usual_ticks(const struct source *s)
{
    AVRational rate = s->stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = (AVRational){RATE_ASSUMED, 1};
    return MAX(av_rescale_q(1, av_inv_q(rate), s->stream->time_base), 1);
}

/* Sets the frame's time: from the file's start, later than the frame before. */
static void set_time(struct source *s)
{
    AVFrame *f = s->frame;
    bool known = f->best_effort_timestamp != AV_NOPTS_VALUE;
    int64_t t =
        known ? f->best_effort_timestamp - source_start(s->format, s->stream->time_base) : 0;
    if (s->last != INT64_MIN && (!known || t <= s->last)) {
        t = s->last + usual_ticks(s);
        known = false;
    }
    s->end.untimed += !known;
    s->last = f->pts = t;
}

enum status source_next(struct source *s, bool *got, struct errmsg *em)
{
    int error = 0;
    *got = true;
    if (s->held) {
        s->held = false;
        return ST_OK;
    }
    av_frame_unref(s->frame);
    for (int errors = 0; errors < DRAIN_ERRORS_MAX;) {
        error = avcodec_receive_frame(s->decoder, s->frame);
        if (error >= 0 || error == AVERROR_EOF || error == AVERROR(ENOMEM))
            break;
        s->end.damaged += error != AVERROR(EAGAIN);
        errors += s->drained; /* a decoder that never reports the end */
        if (!s->drained)
            feed_decoder(s);
    }
    if (error == AVERROR(ENOMEM))
        return FAIL(em, ST_MEMORY, "out of memory");
    *got = error >= 0;
    if (error < 0)
        return ST_OK;
    s->end.damaged += s->frame->decode_error_flags != 0 || s->frame->flags & AV_FRAME_FLAG_CORRUPT;
    set_time(s);
    return ST_OK;
}

enum status source_seek(struct source *s, int64_t ticks, struct errmsg *em)
{
    const struct video_end before = s->end;
    int64_t start = source_start(s->format, s->stream->time_base);
    int64_t step = MAX(av_rescale_q(SEEK_STEP_S, (AVRational){1, 1}, s->stream->time_base), 1);
    for (int64_t back = 0;; back = back > 0 ? 2 * back : step) {
        bool got, whole = back > ticks; /* from the file's start */
        /* AVI has nothing before its start */
        if (av_seek_frame(s->format, s->stream->index, start + (whole ? -step : ticks - back),
                          whole ? 0 : AVSEEK_FLAG_BACKWARD) < 0) {
            if (back == 0)
                return ST_OK; /* then the frames before are decoded, too */
            if (av_seek_frame(s->format, -1, 0, AVSEEK_FLAG_BYTE) < 0)
                return FAIL(em, ST_DATA, "no place before that time can be found in it");
            whole = true;
        }
        avcodec_flush_buffers(s->decoder);
        s->held = s->drained = false;
        s->seek_key = !whole;
        s->last = INT64_MIN;
        s->end = before;
        enum status st = source_next(s, &got, em);
        if (st != ST_OK)
            return st;
        s->held = got && (whole || (s->frame->pts <= ticks && s->end.untimed == before.untimed));
        if (s->held || whole)
            return ST_OK;
    }
}

void source_hold(struct source *s)
{
    s->held = true;
}

void source_release(struct source *s)
{
    av_frame_free(&s->frame);
    av_packet_free(&s->packet);
    avcodec_free_context(&s->decoder);
    avformat_close_input(&s->format);
}
