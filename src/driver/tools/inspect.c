#include "base/log.h"
#include "command.h"

int command_inspect(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    log_error("bifrons inspect is not built yet");
    return status_exit_code(ST_INTERNAL);
}
