#include "sound.h"

#include <math.h>
#include <stdlib.h>

#include "link.h"
#include "source.h"

#include "base/poison.h"

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
    s->to[from->index] = to->index;
    s->copied++;
    return ST_OK;
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
    s->to = calloc(s->in->nb_streams, sizeof *s->to);
    if (!s->packet || !s->to)
        return FAIL(em, ST_MEMORY, "out of memory");
    s->video = av_find_best_stream(s->in, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0) >= 0;
    for (int i = 0; i < s->streams && st == ST_OK; i++) {
        AVStream *from = s->in->streams[i];
        s->to[i] = -1;
        if (from->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
            from->codecpar->codec_id != AV_CODEC_ID_NONE &&
            from->codecpar->sample_rate > 0) /* 0: it begins too late for a header to describe it */
            st = add_stream(s, from, em);
        else
            from->discard = AVDISCARD_ALL;
    }
    return st;
}

/* Gives a packet its time in `out`. false: it is outside of the part. */
static bool place(const struct sound *s, const AVStream *from, AVPacket *p)
{
    int64_t start = source_start(s->in, from->time_base);
    double tick_s = av_q2d(from->time_base);
    double at_s = p->pts != AV_NOPTS_VALUE ? (double)(p->pts - start) * tick_s : 0;
    if (at_s >= s->part.to_s || (s->part.from_s > 0 && at_s < s->part.from_s))
        return false;
    start += llround(s->part.from_s / tick_s);
    if (p->pts != AV_NOPTS_VALUE)
        p->pts -= start;
    if (p->dts != AV_NOPTS_VALUE)
        p->dts -= start;
    return true;
}

/* Reads the next packet of a copied stream that belongs to the part. */
static bool read_packet(struct sound *s)
{
    while (av_read_frame(s->in, s->packet) >= 0) {
        const AVStream *from = s->in->streams[s->packet->stream_index];
        link_working(); /* outside of the part may be hours */
        if (from->index < s->streams && s->to[from->index] >= 0 && place(s, from, s->packet))
            return true;
        av_packet_unref(s->packet);
    }
    return false;
}

enum status sound_copy(struct sound *s, double until_s, struct errmsg *em)
{
    while (s->copied > 0) {
        s->waiting = s->waiting || read_packet(s);
        if (!s->waiting)
            return ST_OK;
        const AVStream *from = s->in->streams[s->packet->stream_index];
        AVStream *to = s->out->streams[s->to[from->index]];
        if (s->packet->dts != AV_NOPTS_VALUE &&
            (double)s->packet->dts * av_q2d(from->time_base) > until_s)
            return ST_OK;
        s->waiting = false;
        av_packet_rescale_ts(s->packet, from->time_base, to->time_base);
        s->packet->stream_index = to->index;
        s->packet->pos = -1;
        int error = av_interleaved_write_frame(s->out, s->packet);
        av_packet_unref(s->packet);
        if (error < 0) {
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
    free(s->to);
    av_packet_free(&s->packet);
    avformat_close_input(&s->in);
}
