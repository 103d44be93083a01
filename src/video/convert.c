#include "convert.h"

#include <stdio.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "base/checked.h"

#include "base/poison.h"

enum { GRAPH_BYTES = 1024, SD_HEIGHT = 576, SD_WIDTH = 1024 };
/* HDR's reference white and peak, in cd/m2 (ITU-R BT.2408; BT.2100's reference display). Below the
 * knee, a fraction of white, brightness stays as it is: faces are there. Above the knee, the mobius
 * curve compresses it, much as the curve of ITU-R BT.2390 does. */
enum { HDR_WHITE = 203, HDR_PEAK = 1000 };
#define HDR_KNEE 0.46

static bool is_rgb(int format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)format);
    return d && d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

/* The name of the colour matrix in libswscale's filter; NULL: an unsupported one. If the file names
 * no matrix, the rule of players holds: BT.601 for standard definition. */
static const char *matrix_name(const AVFrame *f)
{
    switch (f->colorspace) {
    case AVCOL_SPC_RGB:
    case AVCOL_SPC_UNSPECIFIED:
        return f->height > SD_HEIGHT || f->width > SD_WIDTH ? "bt709" : "bt601";
    case AVCOL_SPC_BT709:
        return "bt709";
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return "bt601";
    case AVCOL_SPC_FCC:
        return "fcc";
    case AVCOL_SPC_SMPTE240M:
        return "smpte240m";
    case AVCOL_SPC_BT2020_NCL:
        return "bt2020";
    default:
        return NULL;
    }
}

/* The name of an HDR transfer function in the filter zscale; NULL: standard range. */
static const char *hdr_transfer(const AVFrame *f)
{
    return f->color_trc == AVCOL_TRC_SMPTE2084      ? "smpte2084"
           : f->color_trc == AVCOL_TRC_ARIB_STD_B67 ? "arib-std-b67"
                                                    : NULL;
}

static enum status need_filter(const char *filter, const char *what, struct errmsg *em)
{
    return avfilter_get_by_name(filter)
               ? ST_OK
               : FAIL(em, ST_NODEVICE,
                      "it is %s, and this libavfilter lacks the filter %s, which converts that",
                      what, filter);
}

enum status convert_check(const AVFrame *f, char converted[static VIDEO_NAME_BYTES],
                          struct errmsg *em)
{
    const char *hdr = f->color_trc == AVCOL_TRC_SMPTE2084      ? "HDR (PQ)"
                      : f->color_trc == AVCOL_TRC_ARIB_STD_B67 ? "HDR (HLG)"
                                                               : NULL;
    enum status st = ST_OK;
    if (!is_rgb(f->format) && !matrix_name(f))
        return FAIL(
            em, ST_DATA,
            "its colours use the matrix %s, which is not supported: convert it to BT.709 first",
            av_color_space_name(f->colorspace));
    if (hdr)
        st = need_filter("zscale", hdr, em);
    if (st == ST_OK && hdr)
        st = need_filter("tonemap", hdr, em);
    if (st == ST_OK && f->interlaced_frame)
        st = need_filter("bwdif", "interlaced", em);
    snprintf(converted, VIDEO_NAME_BYTES, "%s%s%s", hdr ? hdr : "",
             hdr && f->interlaced_frame ? ", " : "", f->interlaced_frame ? "interlaced" : "");
    return st;
}

bool convert_leaves_wide(const AVFrame *f)
{
    return !hdr_transfer(f) &&
           (f->color_primaries == AVCOL_PRI_BT2020 || f->color_primaries == AVCOL_PRI_SMPTE431 ||
            f->color_primaries == AVCOL_PRI_SMPTE432);
}

/* The filters between source and sink. */
static void describe_filters(const struct convert *c, const AVFrame *f,
                             char text[static GRAPH_BYTES])
{
    const char *hdr = hdr_transfer(f), *matrix = is_rgb(f->format) ? NULL : matrix_name(f);
    const char *range = f->color_range == AVCOL_RANGE_JPEG ? "pc" : "tv";
    char tone[400] = "", in[64] = "";
    if (hdr) /* linear light, BT.709's primaries, the curve, back: the chain of zimg's manual */
        snprintf(tone, sizeof tone,
                 "zscale=tin=%s:min=bt2020nc:pin=bt2020:rin=%s:t=linear:npl=%d,"
                 "format=gbrpf32le,zscale=p=bt709,"
                 "tonemap=mobius:param=%.2f:peak=%.3f:desat=0,"
                 "zscale=t=bt709:m=bt709:r=tv,format=yuv444p,",
                 hdr, range, HDR_WHITE, HDR_KNEE, (double)HDR_PEAK / HDR_WHITE);
    if (hdr)
        snprintf(in, sizeof in, "in_color_matrix=bt709:in_range=tv:");
    else if (matrix)
        snprintf(in, sizeof in, "in_color_matrix=%s:in_range=%s:", matrix, range);
    snprintf(text, GRAPH_BYTES,
             "%s%sscale=w=%d:h=%d:%s%s"
             "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,%sformat=%s",
             f->interlaced_frame ? "bwdif=mode=send_frame," : "", tone, c->width, c->height, in,
             c->out == AV_PIX_FMT_RGB24 ? "" : "out_color_matrix=bt709:out_range=tv:",
             c->turn ? c->turn : "", av_get_pix_fmt_name(c->out));
}

static enum status fail(int error, struct errmsg *em)
{
    char why[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(error, why, sizeof why);
    return FAIL(em, error == AVERROR(ENOMEM) ? ST_MEMORY : ST_DATA,
                "its pictures cannot be converted: %s", why);
}

/* Links source - described filters - sink. */
static int link_filters(struct convert *c, const char *description)
{
    AVFilterInOut *begin = avfilter_inout_alloc(), *end = avfilter_inout_alloc();
    int error = begin && end ? 0 : AVERROR(ENOMEM);
    if (!error) {
        *begin = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = c->source};
        *end = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = c->sink};
        error = avfilter_graph_parse_ptr(c->graph, description, &end, &begin, NULL);
    }
    avfilter_inout_free(&begin);
    avfilter_inout_free(&end);
    return error < 0 ? error : avfilter_graph_config(c->graph, NULL);
}

static int build(struct convert *c, const AVFrame *f)
{
    char source[256], description[GRAPH_BYTES];
    snprintf(source, sizeof source, "video_size=%dx%d:pix_fmt=%d:time_base=%d/%d", f->width,
             f->height, f->format, c->base.num, c->base.den);
    describe_filters(c, f, description);
    c->graph = avfilter_graph_alloc();
    if (!c->graph)
        return AVERROR(ENOMEM);
    c->graph->nb_threads = 1;
    int error = avfilter_graph_create_filter(&c->source, avfilter_get_by_name("buffer"), "in",
                                             source, NULL, c->graph);
    if (error >= 0)
        error = avfilter_graph_create_filter(&c->sink, avfilter_get_by_name("buffersink"), "out",
                                             NULL, NULL, c->graph);
    return error < 0 ? error : link_filters(c, description);
}

/* Passes the frames that are converted to c->take. */
static enum status pass_on_frames(struct convert *c, struct errmsg *em)
{
    enum status st = ST_OK;
    int error = 0;
    while (st == ST_OK && (error = av_buffersink_get_frame(c->sink, c->result)) >= 0) {
        c->result->pts = av_rescale_q(c->result->pts, av_buffersink_get_time_base(c->sink),
                                      c->base); /* bwdif halves ticks */
        st = c->take(c->context, c->result, em);
        av_frame_unref(c->result);
    }
    return st != ST_OK || error == AVERROR(EAGAIN) || error == AVERROR_EOF ? st : fail(error, em);
}

static enum status finish(struct convert *c, struct errmsg *em)
{
    int error = av_buffersrc_add_frame_flags(c->source, NULL, 0);
    enum status st = error < 0 ? fail(error, em) : pass_on_frames(c, em);
    avfilter_graph_free(&c->graph);
    return st;
}

enum status convert_frame(struct convert *c, AVFrame *f, struct errmsg *em)
{
    enum status st = ST_OK;
    if (!c->result && !(c->result = av_frame_alloc()))
        return FAIL(em, ST_MEMORY, "out of memory");
    if (!f)
        return c->graph ? finish(c, em) : ST_OK;
    const struct convert_from from = {f->width,           f->height,      f->format,
                                      f->colorspace,      f->color_range, f->color_trc,
                                      f->interlaced_frame};
    if (c->graph && memcmp(&from, &c->from, sizeof from) != 0)
        st = finish(c, em);
    if (st == ST_OK && !c->graph) {
        char converted[VIDEO_NAME_BYTES];
        st = convert_check(f, converted, em);
        int error = st == ST_OK ? build(c, f) : 0;
        if (error < 0)
            st = fail(error, em);
        c->from = from;
    }
    if (st != ST_OK)
        return st;
    int error = av_buffersrc_add_frame_flags(c->source, f, AV_BUFFERSRC_FLAG_KEEP_REF);
    return error < 0 ? fail(error, em) : pass_on_frames(c, em);
}

void convert_release(struct convert *c)
{
    avfilter_graph_free(&c->graph);
    av_frame_free(&c->result);
}
