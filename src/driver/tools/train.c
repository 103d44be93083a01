/*
 * bifrons train, before libtorch is loaded: mistakes in the command line, the configuration and the
 * names of its inputs are told here, in milliseconds. The training itself is bifrons-engine's.
 */
#include <stdlib.h>

#include "base/log.h"
#include "command.h"
#include "config.h"
#include "train_arguments.h"

static enum status print_config(const struct config *c, struct errmsg *em)
{
    if (launcher_rank_guess() > 0)
        return ST_OK;
    char *text = config_to_toml(c);
    if (!text)
        return FAIL(em, ST_MEMORY, "out of memory");
    (void)fputs(text, stdout);
    free(text);
    return ST_OK;
}

int command_train(int argc, char **argv)
{
    struct errmsg em = {0};
    struct train_arguments *a = malloc(sizeof *a);
    enum status st =
        a ? train_arguments_parse(argc, argv, a, &em) : FAIL(&em, ST_MEMORY, "out of memory");
    bool end_here = st == ST_OK && a->print_config;
    if (end_here)
        st = print_config(&a->config, &em);
    else if (st == ST_OK)
        st = train_arguments_check(a, launcher_world_size_guess(), argc, argv, &em);
    free(a);
    if (st != ST_OK)
        return command_fail_once(&em);
    return end_here ? 0 : command_exec_engine(argc, argv);
}
