#include "host_memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/checked.h"
#include "base/file.h"

#include "base/poison.h"

enum { LINE_BYTES = 512 };

static FILE *open_below(const char *root, const char *path)
{
    char whole[PATH_BYTES_MAX];
    int n = snprintf(whole, sizeof whole, "%s%s", root, path);
    return n > 0 && (size_t)n < sizeof whole ? fopen(whole, "r") : NULL;
}

/* The number after `name` at the start of a line, times `unit`; without a name, the first of the
 * file. `otherwise` if there is no number, as in "max". */
static double number_in(const char *root, const char *path, const char *name, double unit,
                        double otherwise)
{
    char line[LINE_BYTES];
    FILE *f = open_below(root, path);
    double found = otherwise;
    while (f && fgets(line, sizeof line, f)) {
        char *end, *number = line + strlen(name);
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        double value = strtod(number, &end);
        found = end > number ? value * unit : otherwise;
        break;
    }
    if (f)
        fclose(f);
    return found;
}

/* ---- Control groups -------------------------------------------------------------------------- */

struct hierarchy {
    const char *mark; /* marks its line in /proc/self/cgroup, after the first number */
    const char *folder, *limit, *used, *cache;
};

static const struct hierarchy hierarchies[] = {
    {"::",        "/sys/fs/cgroup",        "memory.max",            "memory.current",        "inactive_file "},
    {":memory:/", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
     "total_inactive_file "                                                                                  },
};

/* The memory that the group of this path leaves. Inactive pages of files count as free. */
static double group_left(const char *root, const struct hierarchy *h, const char *group)
{
    char path[3][PATH_BYTES_MAX];
    const char *const names[3] = {h->limit, h->used, "memory.stat"};
    for (int i = 0; i < 3; i++) {
        int n = snprintf(path[i], sizeof path[i], "%s%s/%s", h->folder, group, names[i]);
        if (n < 0 || (size_t)n >= sizeof path[i])
            return INFINITY;
    }
    double limit = number_in(root, path[0], "", 1, INFINITY);
    return limit - number_in(root, path[1], "", 1, 0) + number_in(root, path[2], h->cache, 1, 0);
}

/* The least memory left by the group and those above it, up to the mount point. */
static double groups_left(const char *root, const struct hierarchy *h, char *group)
{
    double left = INFINITY;
    for (;;) {
        char *last = strrchr(group, '/');
        left = fmin(left, group_left(root, h, group));
        if (!last)
            return left;
        *last = '\0';
    }
}

static double control_groups_left(const char *root)
{
    char line[LINE_BYTES];
    double left = INFINITY;
    FILE *f = open_below(root, "/proc/self/cgroup");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        const char *mark = line + strspn(line, "0123456789");
        char *group = strchr(line, '/');
        for (size_t i = 0; i < ARRAY_LENGTH(hierarchies); i++) {
            const struct hierarchy *h = &hierarchies[i];
            if (group && strncmp(mark, h->mark, strlen(h->mark)) == 0)
                left = fmin(left, groups_left(root, h, group));
        }
    }
    if (f)
        fclose(f);
    return left;
}

/* ---- All of it ------------------------------------------------------------------------------- */

struct host_memory host_memory_read(const char *root)
{
    static const double KB = 1024;
    static const char status[] = "/proc/self/status";
    struct host_memory m = {
        .resident = number_in(root, status, "VmRSS:", KB, 0),
        .peak = number_in(root, status, "VmHWM:", KB, 0),
        .left = number_in(root, "/proc/meminfo", "MemAvailable:", KB, INFINITY),
    };
    struct rlimit own;
    m.left = fmin(m.left, control_groups_left(root));
    if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY)
        m.left = fmin(m.left, (double)own.rlim_cur - number_in(root, status, "VmSize:", KB, 0));
    return m;
}
