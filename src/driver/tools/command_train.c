/*
 * bifrons train, before libtorch is loaded: reports errors in the command line, the configuration
 * and the names of inputs within milliseconds. bifrons-engine does the training.
 */
#include <stdlib.h>

#include "command.h"
#include "config.h"
#include "launch.h"
#include "launched.h"
#include "train_arguments.h"

/* For scripts: prints the run folder, or nothing if these arguments train nothing. */
static void print_out(const struct train_arguments *a)
{
    bool trains = !a->print_config && !a->dry_run && !a->find_batch && a->find_lr_steps == 0;
    if (launcher_rank_guess() <= 0 && trains)
        puts(a->out);
}

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

/* True if this process starts the ranks and is not a rank itself. */
static bool starts_ranks(const struct train_arguments *a)
{
    return a->ranks > 0 && a->launcher == 0;
}

static enum status check(const struct train_arguments *a, int argc, char **argv, struct errmsg *em)
{
    int n_ranks = starts_ranks(a) ? a->ranks : launcher_world_size_guess();
    enum status st = starts_ranks(a) ? launch_check(a->ranks, em) : ST_OK;
    return st == ST_OK ? train_arguments_check(a, n_ranks, argc, argv, em) : st;
}

/* Returns if other processes trained, or if starting failed. */
static int start(const struct train_arguments *a, int argc, char **argv)
{
    if (starts_ranks(a) && a->ranks > 1)
        return launch_run(a->ranks, a->out, argc, argv);
    if (a->launcher > 0)
        launched_hold();
    return command_exec_engine(argc, argv);
}

int command_train(int argc, char **argv)
{
    struct errmsg em = {0};
    struct train_arguments *a = malloc(sizeof *a);
    enum status st =
        a ? train_arguments_parse(argc, argv, a, &em) : FAIL(&em, ST_MEMORY, "out of memory");
    bool end_here = st == ST_OK && (a->print_config || a->print_out);
    if (end_here && a->print_out)
        print_out(a);
    else if (end_here)
        st = print_config(&a->config, &em);
    else if (st == ST_OK)
        st = check(a, argc, argv, &em);
    int code = 0;
    if (st != ST_OK)
        code = command_fail_once(&em);
    else if (!end_here)
        code = start(a, argc, argv);
    free(a);
    return code;
}
