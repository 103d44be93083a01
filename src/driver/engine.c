/* bifrons-engine: the subcommands that need libtorch. Started by bifrons, never by hand. */
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"
#include "engine.h"

static const struct command commands[] = {
    {"train", NULL, engine_train},
    {"eval",  NULL, engine_eval },
    {"swap",  NULL, engine_swap },
    {"info",  NULL, engine_info },
};

int main(int argc, char **argv)
{
    log_init();
    log_set_rank(launcher_rank_guess() > 0 ? launcher_rank_guess() : 0,
                 launcher_world_size_guess());
    const char *space = argc > 0 ? strrchr(argv[0], ' ') : NULL; /* "bifrons train" */
    const char *name = space ? space + 1 : "";
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        if (argc > 0 && !strcmp(name, commands[i].name))
            return commands[i].run(argc, argv);
    log_error("bifrons-engine is started by bifrons: run bifrons --help");
    return status_exit_code(ST_USAGE);
}
