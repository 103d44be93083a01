/* bifrons-engine: the subcommands that need libtorch. Started by bifrons. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/log.h"
#include "base/thread_count.h"
#include "command.h"
#include "engine.h"
#include "model/model.h"

static const struct command commands[] = {
    {"train",   NULL, engine_train  },
    {"eval",    NULL, engine_eval   },
    {"swap",    NULL, engine_swap   },
    {"info",    NULL, engine_info   },
    {"inspect", NULL, engine_inspect},
    {"extract", NULL, engine_extract},
};

/*
 * Ends without libtorch's static destructors: with libtorch 2.11 they abort ("free(): invalid
 * pointer") in a program that is not Python. Everything of ours is closed before. Sanitizers need a
 * regular exit to report.
 */
static int leave(int code)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    code = command_end(code);
    fflush(NULL);
    _exit(code);
#endif
    return code;
}

int main(int argc, char **argv)
{
    command_begin();
    log_set_rank(launcher_rank_guess() > 0 ? launcher_rank_guess() : 0);
    const char *space = argc > 0 ? strrchr(argv[0], ' ') : NULL; /* "bifrons train" */
    const char *name = space ? space + 1 : "";
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        if (argc > 0 && !strcmp(name, commands[i].name)) {
            struct errmsg em = {0};
            if (model_runtime_check(&em) != ST_OK)
                return leave(command_fail(&em));
            model_runtime_configure(threads_for_model(), false); /* train: again, as configured */
            return leave(commands[i].run(argc, argv));
        }
    log_error("bifrons-engine is started by bifrons: run bifrons --help");
    return status_exit_code(ST_USAGE);
}
