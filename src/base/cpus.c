#include "base/cpus.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"

#include "base/poison.h"

enum { LINE_BYTES = 2 * PATH_BYTES_MAX, CONTROLLERS_BYTES = 256 };

/* The cgroup of this process in one hierarchy: that of v2, or the "cpu" hierarchy of v1. */
struct place {
    bool v2, known;
    char path[PATH_BYTES_MAX];
};

int cpus_online(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 1 ? (int)n : 1;
}

int cpus_allowed(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : cpus_online();
    return MAX(n, 1);
}

static FILE *open_below(const char *root, const char *path)
{
    char full[PATH_BYTES_MAX];
    int n = snprintf(full, sizeof full, "%s%s", root, path);
    return n >= 0 && (size_t)n < sizeof full ? fopen(full, "re") : NULL;
}

/* true if word is in a list separated by commas. */
static bool list_has(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

/* Reads /proc/self/cgroup: lines "0::/user.slice" (v2) or "4:cpu,cpuacct:/docker/17" (v1). */
static void find_places(const char *root, struct place *v1, struct place *v2)
{
    char line[LINE_BYTES];
    FILE *f = open_below(root, "/proc/self/cgroup");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *controllers++ = *path++ = '\0';
        struct place *p = *controllers == '\0' ? v2 : list_has(controllers, "cpu") ? v1 : NULL;
        if (p && strlen(path) < sizeof p->path) {
            p->known = true;
            memcpy(p->path, path, strlen(path) + 1);
        }
    }
    if (f)
        fclose(f);
}

static double read_v1(const char *root, const char *folder)
{
    static const char *const names[] = {"cpu.cfs_quota_us", "cpu.cfs_period_us"};
    double number[2] = {-1, -1};
    for (int i = 0; i < 2; i++) {
        char path[PATH_BYTES_MAX];
        FILE *f = path_join(path, sizeof path, folder, names[i]) ? open_below(root, path) : NULL;
        /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote the numbers, here and below */
        if (f && fscanf(f, "%lf", &number[i]) != 1)
            number[i] = -1;
        if (f)
            fclose(f);
    }
    return number[0] > 0 && number[1] > 0 ? number[0] / number[1] : INFINITY;
}

/* Reads cpu.max: "150000 100000", or "max 100000" for no quota. */
static double read_v2(const char *root, const char *folder)
{
    char path[PATH_BYTES_MAX];
    double quota, period;
    FILE *f = path_join(path, sizeof path, folder, "cpu.max") ? open_below(root, path) : NULL;
    /* NOLINTNEXTLINE(cert-err34-c) */
    bool limited = f && fscanf(f, "%lf %lf", &quota, &period) == 2;
    if (f)
        fclose(f);
    return limited && quota > 0 && period > 0 ? quota / period : INFINITY;
}

/*
 * The lowest quota of the process's cgroup and the cgroups above it, up to the mounted one, `top`.
 * In a container the process's path may be that of the host and not lie below `top`: then only the
 * mounted cgroup counts.
 */
static double lowest_of_mount(const char *root, const struct place *p, const char *top,
                              const char *mount)
{
    size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top), end = strlen(mount);
    bool below = strncmp(p->path, top, n) == 0 && (p->path[n] == '/' || p->path[n] == '\0') &&
                 !strstr(p->path, "/..");
    char folder[LINE_BYTES];
    snprintf(folder, sizeof folder, "%s%s", mount, below ? p->path + n : "");
    double lowest = INFINITY;
    while (strlen(folder) >= end && folder[0]) {
        lowest = fmin(lowest, p->v2 ? read_v2(root, folder) : read_v1(root, folder));
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return lowest;
}

double cpus_quota(const char *root)
{
    struct place v1 = {.v2 = false}, v2 = {.v2 = true};
    find_places(root, &v1, &v2);
    double lowest = INFINITY;
    char line[LINE_BYTES];
    FILE *f = open_below(root, "/proc/self/mountinfo");
    while (f && fgets(line, sizeof line, f)) {
        char top[PATH_BYTES_MAX], mount[PATH_BYTES_MAX], kind[32], options[CONTROLLERS_BYTES];
        const char *more = strstr(line, " - ");
        if (!more || sscanf(line, "%*s %*s %*s %4095s %4095s", top, mount) != 2 ||
            sscanf(more, " - %31s %*s %255s", kind, options) != 2)
            continue;
        const struct place *p = strcmp(kind, "cgroup2") == 0                              ? &v2
                                : strcmp(kind, "cgroup") == 0 && list_has(options, "cpu") ? &v1
                                                                                          : NULL;
        if (p && p->known)
            lowest = fmin(lowest, lowest_of_mount(root, p, top, mount));
    }
    if (f)
        fclose(f);
    return lowest;
}
