#include "base/log.h"
#include "command.h"

int command_synth(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    log_error("bifrons synth is not built yet");
    return status_exit_code(ST_INTERNAL);
}
