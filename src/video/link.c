#include "link.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"

#include "base/poison.h"

/* of one thread */
static double sent_s;      /* when a message was last sent */
static bool bifrons_sends; /* bifrons sends and does not read yet */

void link_ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LENGTH(ignored); i++)
        signal(ignored[i], SIG_IGN);
}

static void write_all(const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t more = write(STDOUT_FILENO, (const char *)bytes + done, n - done);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            _exit(1);
        done += (size_t)more;
    }
}

void link_send(const struct video_message *m, const void *bytes)
{
    write_all(m, sizeof *m);
    write_all(bytes, m->bytes);
    sent_s = clock_seconds();
}

void link_send_kind(enum video_kind kind, const void *bytes, size_t n)
{
    const struct video_message m = {.magic = VIDEO_MAGIC, .kind = kind, .bytes = n};
    link_send(&m, bytes);
}

void link_working(void)
{
    if (!bifrons_sends && clock_seconds() - sent_s >= 1)
        link_send_kind(VIDEO_WORKING, NULL, 0);
}

bool link_receive_bytes(void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t more = read(STDIN_FILENO, (char *)bytes + done, n - done);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    return true;
}

bool link_receive(struct video_message *out)
{
    bool got = link_receive_bytes(out, sizeof *out) && out->magic == VIDEO_MAGIC;
    bifrons_sends = got && out->kind != VIDEO_END;
    return got;
}
