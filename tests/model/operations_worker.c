/*
 * operations_worker FILE NETWORK N IN OUT: runs a network on N samples, floats from file to file,
 * all outputs one after the other; prints their shapes, or the message, and exits with its code.
 * operations_worker open FILE...: prints for each file the exit code and the message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "model/operations.h"

static int fail(const struct errmsg *em)
{
    printf("%s\n", em->text);
    return status_exit_code(em->code);
}

static int run(struct operations_file *f, const char *name, size_t n, const char *in,
               const char *out)
{
    const struct operations_network *network = operations_find(f, name);
    float *outputs[OPERATIONS_OUTPUTS_MAX] = {0};
    struct errmsg em = {0};
    uint8_t *bytes = NULL;
    size_t n_bytes;
    if (!network)
        return 1;
    size_t wanted = n * operations_count(operations_input(network)) * sizeof(float);
    if (file_read_all(in, wanted, &bytes, &n_bytes, &em) != ST_OK)
        return fail(&em);
    FILE *to = fopen(out, "wb");
    bool good = to && n_bytes == wanted;
    for (size_t i = 0; i < operations_n_outputs(network); i++)
        outputs[i] = calloc(n * operations_count(operations_output(network, i)), sizeof(float));
    if (good && operations_run(f, network, n, (const float *)bytes, outputs, &em) != ST_OK) {
        fclose(to);
        return fail(&em);
    }
    for (size_t i = 0; i < operations_n_outputs(network); i++) {
        struct operations_shape y = operations_output(network, i);
        size_t count = n * operations_count(y);
        printf("%lld %lld %lld\n", (long long)y.channels, (long long)y.height, (long long)y.width);
        good = good && fwrite(outputs[i], sizeof(float), count, to) == count;
        free(outputs[i]);
    }
    free(bytes);
    return to && fclose(to) == 0 && good ? 0 : 1;
}

static int open_each(char **paths)
{
    for (; *paths; paths++) {
        struct operations_file *f = NULL;
        struct errmsg em = {0};
        enum status st = operations_open(*paths, "cpu", &f, &em);
        printf("%d %s\n", status_exit_code(st), em.text);
        operations_free(f);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct operations_file *f = NULL;
    struct errmsg em = {0};
    if (argc > 1 && strcmp(argv[1], "open") == 0)
        return open_each(argv + 2);
    if (argc != 6)
        return 1;
    const char *device = getenv("DEVICE");
    if (operations_open(argv[1], device ? device : "cpu", &f, &em) != ST_OK)
        return fail(&em);
    int code = run(f, argv[2], strtoul(argv[3], NULL, 10), argv[4], argv[5]);
    operations_free(f);
    return code;
}
