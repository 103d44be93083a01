/* bifrons-video: reads and writes videos for bifrons, with FFmpeg's libraries. It is a program of
 * its own because these read untrusted bytes and load more than a hundred libraries. */
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

#include "programs.h"

int main(int argc, char **argv)
{
    av_log_set_level(AV_LOG_QUIET); /* the messages are ours */
    if (argc == 7 && strcmp(argv[1], "read") == 0)
        program_read(argv + 2);
    else if (argc == 5 && strcmp(argv[1], "write") == 0)
        program_write(argv + 2);
    else {
        fputs("bifrons-video is started by bifrons: run bifrons --help\n", stderr);
        return 64;
    }
    return 0;
}
