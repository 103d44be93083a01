#include "command.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define ENGINE_NAME "bifrons-engine"

int command_fail(const struct errmsg *em)
{
    if (em->rank >= 0)
        log_error("rank %d: %s", em->rank, em->text);
    else
        log_error("%s", em->text);
    return status_exit_code(em->code);
}

int command_exec_engine(int argc, char **argv)
{
    (void)argc;
    char self[PATH_BYTES_MAX], folder[PATH_BYTES_MAX], engine[PATH_BYTES_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) {
        log_error("cannot find this program's own file: %s", strerror(errno));
        return status_exit_code(ST_INTERNAL);
    }
    self[n] = '\0';
    path_folder(self, folder, sizeof folder);
    /* beside us in a build folder, in ../libexec/bifrons once installed */
    static const char *const places[] = {ENGINE_NAME, "../libexec/bifrons/" ENGINE_NAME};
    for (int i = 0; i < 2; i++)
        if (path_join(engine, sizeof engine, folder, places[i]) && file_exists(engine))
            execv(engine, argv);
    log_error("cannot start %s: %s; build or install bifrons again", engine, strerror(errno));
    return status_exit_code(ST_INTERNAL);
}
