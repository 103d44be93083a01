/* bifrons-engine: the subcommands that need libtorch. Started by bifrons, never by hand. */
#include "base/log.h"
#include "command.h"

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    log_init();
    log_error("bifrons-engine is not built yet");
    return status_exit_code(ST_INTERNAL);
}
