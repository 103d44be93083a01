/* bifrons: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"

static const struct command commands[] = {
    {"synth",   "draw two invented people to train on",              command_synth      },
    {"extract", "cut a person's face out of photographs and videos", command_exec_engine},
    {"pack",    "pack a folder of pictures into a person's set",     command_pack       },
    {"inspect", "show what is in a set or a checkpoint",             command_inspect    },
    {"plan",    "estimate what a training needs, and how it scales", command_plan       },
    {"train",   "train on one or more ranks",                        command_train      },
    {"report",  "write a page about a run, for a browser",           command_report     },
    {"eval",    "measure a checkpoint against held-out pictures",    command_exec_engine},
    {"swap",    "swap the face in pictures, a set or a video",       command_exec_engine},
    {"info",    "versions, devices, and what this build can do",     command_exec_engine},
};

static void print_usage(FILE *f)
{
    fputs("Usage: bifrons COMMAND [OPTION...]\n\n"
          "Trains the shared-encoder / two-decoder face-swap autoencoder on one or more ranks.\n\n",
          f);
    fputs("Commands:\n", f);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        fprintf(f, "  %-10s%s\n", commands[i].name, commands[i].summary);
    fputs("\n`bifrons COMMAND --help` explains one. `bifrons --version` prints the version.\n"
          "For research and education, with pictures of people who agreed, or of invented ones.\n",
          f);
}

/* The end of --help, and of the manual, which packaging/make-man makes of it. */
static void print_facts(void)
{
    puts("\nExit status:");
#define X(name, exit_code, meaning) printf("  %-5d%s\n", exit_code, meaning);
    STATUS_MAP(X)
#undef X
    puts("\nEnvironment:\n"
         "  BIFRONS_LOG         which messages to show: from debug, info, warn or error on (info)\n"
         "  NO_COLOR            if set: no colours in messages\n"
         "  OMP_NUM_THREADS     threads of each process (as cores and CPU quota allow)\n"
         "  SOURCE_DATE_EPOCH   seconds since 1970, to write as the date into sets and runs\n"
         "\nFiles:\n"
         "  PREFIX/share/bifrons/configs      configurations to start from\n"
         "  PREFIX/share/bifrons/slurm        jobs for a cluster\n"
         "  PREFIX/share/bifrons/*.pt         the networks that find faces\n"
         "  PREFIX/share/doc/bifrons          README.md and docs/\n"
         "  PREFIX/libexec/bifrons/uninstall  removes the installation");
}

int main(int argc, char **argv)
{
    command_begin();
    const char *name = argc > 1 ? argv[1] : "";
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_usage(stdout);
        print_facts();
        return 0;
    }
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        puts("bifrons " BIFRONS_VERSION);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        if (!strcmp(name, commands[i].name)) {
            char program[64]; /* the name in --help */
            snprintf(program, sizeof program, "bifrons %s", name);
            argv[1] = program;
            return commands[i].run(argc - 1, argv + 1);
        }
    if (argc > 1)
        log_error("unknown command \"%s\"", name);
    print_usage(stderr);
    return status_exit_code(ST_USAGE);
}
