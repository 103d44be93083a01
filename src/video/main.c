/* bifrons-video: reads and writes videos for bifrons, with FFmpeg's libraries. It is a program of
 * its own because these read untrusted bytes and load more than a hundred libraries. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "programs.h"

/* True if standard input and output are sockets, as bifrons sets them up. If they were closed, the
 * next opened file, a video, would become standard output, and messages would overwrite it. */
static bool is_linked(void)
{
    struct stat in, out;
    return fstat(STDIN_FILENO, &in) == 0 && S_ISSOCK(in.st_mode) &&
           fstat(STDOUT_FILENO, &out) == 0 && S_ISSOCK(out.st_mode);
}

int main(int argc, char **argv)
{
    av_log_set_level(AV_LOG_QUIET); /* this program writes its own messages */
    if (!is_linked())
        argc = 0;
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
