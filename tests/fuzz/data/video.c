/* What bifrons-video says, when it reads a video and when it writes one. */
#include "data/video.h"

#include <stdio.h>

#include "base/file.h"
#include "child_stub.h"
#include "data/video_writer.h"
#include "fuzz.h"

enum { FRAMES_MAX = 4 };

static void read_video(void)
{
    static const uint8_t matroska[] = "\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01";
    const struct video_options options = {.program = "/bin/true"};
    struct video *v = NULL;
    struct video_frame frame = {0};
    if (video_open(fuzz_file(matroska, sizeof matroska), &options, &v, NULL) != ST_OK)
        return;
    for (int i = 0; i < FRAMES_MAX; i++)
        if (video_next(v, &frame, NULL) != ST_OK || !frame.picture.rgb)
            break;
    (void)video_problems(v);
    video_frame_release(&frame);
    video_free(v);
}

static void write_video(void)
{
    const struct video_output output = {
        .width = 2, .height = 2, .base_num = 1, .base_den = 25, .fps = 25, .program = "/bin/true"};
    char path[PATH_BYTES_MAX];
    uint8_t rgb[12] = {0};
    const struct picture picture = {.width = 2, .height = 2, .rgb = rgb};
    struct video_writer *w = NULL;
    struct video_written done;
    struct errmsg em = {0};
    snprintf(path, sizeof path, "%s/out.mp4", fuzz_folder());
    if (video_writer_open(path, &output, &w, &em) != ST_OK)
        return;
    if (video_writer_add(w, &picture, 0, 1, &em) == ST_OK &&
        video_writer_finish(w, &done, &em) == ST_OK)
        (void)!video_writer_commit(w, &em);
    video_writer_free(w);
}

/* The first byte: even for reading. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    sent = data + 1;
    n_sent = n - 1;
    if (data[0] % 2 == 0)
        read_video();
    else
        write_video();
    return 0;
}
