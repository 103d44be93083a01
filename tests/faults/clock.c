/*
 * A wall clock that jumps, for tests. Preloaded into launcher and ranks, it moves the clock of all
 * of them: each second it stands somewhere else, by minutes, days or years, ahead or back.
 *
 *     LD_PRELOAD=libjumping-clock.so BIFRONS_CLOCK_SEED=7 mpirun … bifrons train …
 *
 * Monotonic clocks keep their pace. Waits until an instant of the wall clock are the kernel's,
 * which knows nothing of this: such a wait may last as long as a jump, as it would had the clock
 * been set back while it lasted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* splitmix64's output function */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void ask(clockid_t id, struct timespec *t)
{
    syscall(SYS_clock_gettime, id, t);
}

/* From a minute to ten years, all lengths equally likely by their number of digits. */
static int64_t offset_s(void)
{
    const char *seed = getenv("BIFRONS_CLOCK_SEED");
    struct timespec now;
    if (!seed)
        return 0;
    ask(CLOCK_MONOTONIC, &now);
    uint64_t drawn = mix(strtoull(seed, NULL, 10) * 1000003 + (uint64_t)now.tv_sec);
    int64_t length = 60;
    for (uint64_t tens = drawn >> 1 & 7; tens > 2; tens--)
        length *= 10;
    length += (int64_t)((drawn >> 8) % (uint64_t)(9 * length));
    return drawn & 1 ? length : -length;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int code = (int)syscall(SYS_clock_gettime, id, t);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
        t->tv_sec += offset_s();
    return code;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    ask(CLOCK_REALTIME, &now);
    *t = (struct timeval){.tv_sec = now.tv_sec + offset_s(), .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    ask(CLOCK_REALTIME, &now);
    time_t t = now.tv_sec + offset_s();
    if (out)
        *out = t;
    return t;
}
