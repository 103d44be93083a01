#include "sound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "link.h"
#include "source.h"

#include "base/poison.h"

static const double SEEK_BEFORE_S = 10;

static enum status add_stream(struct sound *s, const AVStream *from, struct errmsg *em)
{
    const char *kind = avcodec_get_name(from->codecpar->codec_id);
    if (avformat_query_codec(s->out->oformat, from->codecpar->codec_id, FF_COMPLIANCE_NORMAL) != 1)
        return FAIL(em, ST_DATA,
                    "its sound is of the kind %s, which .%s files do not hold: name a .mov, or "
                    "leave the sound out with --no-sound",
                    kind, s->out->oformat->name);
    AVStream *to = avformat_new_stream(s->out, NULL);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0)
        return FAIL(em, ST_MEMORY, "out of memory");
    to->codecpar->codec_tag = 0; /* the other container has its own */
    to->time_base = from->time_base;
    to->disposition = from->disposition;
    s->of[from->index].to = to->index;
    s->copied++;
    return ST_OK;
}

/* Seeks to a little before the part, because streams are not interleaved exactly. If seeking fails,
 * the packets before the part are read and dropped. */
static void seek(struct sound *s)
{
    if (s->part.from_s <= SEEK_BEFORE_S)
        return;
    int64_t start = s->in->start_time == AV_NOPTS_VALUE ? 0 : s->in->start_time;
    int64_t at = start + llround((s->part.from_s - SEEK_BEFORE_S) * AV_TIME_BASE);
    (void)av_seek_frame(s->in, -1, at, AVSEEK_FLAG_BACKWARD);
}

enum status sound_open(struct sound *s, const char *path, struct sound_part part,
                       AVFormatContext *out, struct errmsg *em)
{
    s->out = out;
    s->part = part;
    enum status st = source_open_format(path, &s->in, em);
    if (st != ST_OK)
        return st;
    s->packet = av_packet_alloc();
    s->streams = (int)s->in->nb_streams;
    s->of = calloc(s->in->nb_streams, sizeof *s->of);
    if (!s->packet || !s->of)
        return FAIL(em, ST_MEMORY, "out of memory");
    s->video = av_find_best_stream(s->in, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0) >= 0;
    for (int i = 0; i < s->streams && st == ST_OK; i++) {
        AVStream *from = s->in->streams[i];
        s->of[i] = (struct sound_stream){.to = -1, .last = INT64_MIN};
        if (from->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
            from->codecpar->codec_id != AV_CODEC_ID_NONE &&
            from->codecpar->sample_rate > 0) /* 0: it begins too late for a header to describe it */
            st = add_stream(s, from, em);
        else
            from->discard = AVDISCARD_ALL;
    }
    if (st == ST_OK)
        seek(s);
    return st;
}

/* Sets a packet's time in `out`. False: it is outside of the part. */
static bool set_packet_time(struct sound *s, const AVStream *from, AVPacket *p)
{
    int64_t start = source_start(s->in, from->time_base);
    double tick_s = av_q2d(from->time_base);
    double at_s = p->pts != AV_NOPTS_VALUE ? (double)(p->pts - start) * tick_s : 0;
    s->of[from->index].over = s->of[from->index].over || at_s >= s->part.to_s;
    if (at_s >= s->part.to_s || (s->part.from_s > 0 && at_s < s->part.from_s))
        return false;
    start += llround(s->part.from_s / tick_s);
    if (p->pts != AV_NOPTS_VALUE)
        p->pts -= start;
    if (p->dts != AV_NOPTS_VALUE)
        p->dts -= start;
    return true;
}

/* True if the part is read in all copied streams. */
static bool is_over(const struct sound *s)
{
    for (int i = 0; i < s->streams; i++)
        if (s->of[i].to >= 0 && !s->of[i].over)
            return false;
    return true;
}

/* Reads the next packet of a copied stream that belongs to the part. */
static bool read_packet(struct sound *s)
{
    while (!is_over(s) && av_read_frame(s->in, s->packet) >= 0) {
        const AVStream *from = s->in->streams[s->packet->stream_index];
        link_working(); /* hours of packets may lie outside of the part */
        if (from->index < s->streams && s->of[from->index].to >= 0 &&
            set_packet_time(s, from, s->packet))
            return true;
        av_packet_unref(s->packet);
    }
    return false;
}

/* Writes the packet. Times of a damaged file may go back, which containers refuse: each packet then
 * follows the one before by one tick. */
static int write_packet(struct sound *s, const AVStream *from)
{
    struct sound_stream *of = &s->of[from->index];
    AVPacket *p = s->packet;
    AVStream *to = s->out->streams[of->to];
    av_packet_rescale_ts(p, from->time_base, to->time_base);
    if (p->dts == AV_NOPTS_VALUE)
        p->dts = p->pts;
    if (p->dts == AV_NOPTS_VALUE || (of->last != INT64_MIN && p->dts <= of->last)) {
        p->dts = of->last != INT64_MIN ? of->last + 1 : 0;
        s->moved++;
    }
    if (p->pts == AV_NOPTS_VALUE || p->pts < p->dts)
        p->pts = p->dts;
    of->last = p->dts;
    p->stream_index = to->index;
    p->pos = -1;
    return av_interleaved_write_frame(s->out, p);
}

/* True for errors of disk or memory: they stop the video, too. */
static bool is_fatal(int error)
{
    return error == AVERROR(ENOSPC) || error == AVERROR(EIO) || error == AVERROR(EDQUOT) ||
           error == AVERROR(EFBIG) || error == AVERROR(ENOMEM);
}

enum status sound_copy(struct sound *s, double until_s, struct errmsg *em)
{
    while (s->copied > 0) {
        s->waiting = s->waiting || read_packet(s);
        if (!s->waiting)
            return ST_OK;
        const AVStream *from = s->in->streams[s->packet->stream_index];
        if (s->packet->dts != AV_NOPTS_VALUE &&
            (double)s->packet->dts * av_q2d(from->time_base) > until_s)
            return ST_OK;
        s->waiting = false;
        int error = write_packet(s, from);
        av_packet_unref(s->packet);
        s->lost += error < 0;
        if (error < 0 && is_fatal(error)) {
            char why[AV_ERROR_MAX_STRING_SIZE];
            av_strerror(error, why, sizeof why);
            return FAIL(em, ST_IO, "its sound cannot be written: %s", why);
        }
    }
    return ST_OK;
}

int sound_left(const struct sound *s)
{
    return s->in ? (int)s->in->nb_streams - s->copied - s->video : 0;
}

void sound_release(struct sound *s)
{
    free(s->of);
    av_packet_free(&s->packet);
    avformat_close_input(&s->in);
}
