#include "numa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#include "base/poison.h"

enum { TEXT_BYTES = 4096, NODES_MAX = 1024 };

/* Reads a file without its last newline. */
static bool read_text(const char *path, char text[static TEXT_BYTES])
{
    FILE *f = fopen(path, "re");
    bool got = f && fgets(text, TEXT_BYTES, f);
    if (f)
        fclose(f);
    if (got)
        text[strcspn(text, "\n")] = '\0';
    return got;
}

/* Reads a number below most at *at and moves *at past it. */
static bool take_number(const char **at, long most, long *out)
{
    char *end = NULL;
    if (**at < '0' || **at > '9')
        return false;
    *out = strtol(*at, &end, 10);
    *at = end;
    return *out < most;
}

bool numa_parse_list(const char *text, cpu_set_t *out)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const char *at = text; *at;) {
        long first, last;
        if (!take_number(&at, CPU_SETSIZE, &first))
            return false;
        last = first;
        if (*at == '-') {
            at++;
            if (!take_number(&at, CPU_SETSIZE, &last))
                return false;
        }
        for (long cpu = first; cpu <= last; cpu++)
            CPU_SET((size_t)cpu, &set);
        if (*at == ',' && at[1])
            at++;
        else if (*at)
            return false;
    }
    *out = set;
    return CPU_COUNT(&set) > 0;
}

bool numa_near_device(const char *sysfs, const char *bus_id, cpu_set_t *near_out)
{
    char path[PATH_BYTES_MAX], text[TEXT_BYTES];
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/numa_node", sysfs, bus_id);
    if (!read_text(path, text))
        return false;
    const char *at = text;
    long node;
    if (!take_number(&at, NODES_MAX, &node) || *at) /* the kernel writes -1 for unknown */
        return false;
    snprintf(path, sizeof path, "%s/devices/system/node/node%ld/cpulist", sysfs, node);
    return read_text(path, text) && numa_parse_list(text, near_out);
}
