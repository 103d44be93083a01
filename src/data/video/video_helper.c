#include "video_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"

#include "base/poison.h"

enum { WORDS_MAX = 8, EXIT_NOT_STARTED = 127 };

/* ---- Starting -------------------------------------------------------------------------------- */

/* In the child: runs the program in its place. */
static int exec_program(int link, void *context)
{
    char *const *words = context;
    int above = fcntl(link, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); /* dup2 onto itself would change
                                                                  * nothing, and exec close it */
    if (above >= 0 && dup2(above, STDIN_FILENO) >= 0 && dup2(above, STDOUT_FILENO) >= 0)
        execv(words[0], words);
    return EXIT_NOT_STARTED;
}

enum status helper_find(const char *program, char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    if (program) {
        snprintf(path, PATH_BYTES_MAX, "%s", program);
    } else {
        ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES_MAX - 1);
        path[MAX(n, 0)] = '\0';
        path_folder(path, folder, sizeof folder);
        if (!path_join(path, PATH_BYTES_MAX, folder, "bifrons-video"))
            return FAIL(em, ST_NODEVICE, "path too long: %s/bifrons-video", folder);
    }
    if (access(path, X_OK) == 0)
        return ST_OK;
    return FAIL(
        em, ST_NODEVICE,
        "videos need the program bifrons-video, and there is no %s: run scripts/build, which "
        "makes it where FFmpeg's libraries are installed (Debian: sudo apt-get install "
        "libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev)",
        path);
}

enum status helper_start(const char *program, const char *const *arguments, struct helper *h,
                         struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    char *words[WORDS_MAX] = {path};
    for (size_t i = 0; arguments[i]; i++) {
        BUG_ON(i + 2 >= WORDS_MAX);
        words[i + 1] = (char *)arguments[i];
    }
    enum status st = helper_find(program, path, em);
    return st == ST_OK ? child_start(exec_program, words, &h->child, em) : st;
}

/* ---- Messages -------------------------------------------------------------------------------- */

static enum status fail_late(const struct helper *h, struct errmsg *em)
{
    return FAIL(em, ST_DATA,
                "%s: bifrons-video did not answer within %.3g s and was ended; the file may be "
                "damaged",
                h->path, h->within_s);
}

/* Ends the child, to learn how it ended. */
static enum status fail_ended(struct helper *h, struct errmsg *em)
{
    int how = child_end(&h->child, 1);
    h->child.pid = 0;
    if (WIFEXITED(how) && WEXITSTATUS(how) == EXIT_NOT_STARTED)
        return FAIL(em, ST_NODEVICE,
                    "%s: bifrons-video does not start; ldd shows which library is missing",
                    h->path);
    if (WIFSIGNALED(how))
        return FAIL(em, ST_DATA,
                    "%s: bifrons-video was ended by signal %d (%s); the file may be "
                    "damaged",
                    h->path, WTERMSIG(how), strsignal(WTERMSIG(how)));
    return FAIL(em, ST_DATA, "%s: bifrons-video ended too early, with exit code %d", h->path,
                WIFEXITED(how) ? WEXITSTATUS(how) : -1);
}

static enum status fail_unexpected(const struct helper *h, struct errmsg *em)
{
    return FAIL(em, ST_DATA,
                "%s: bifrons-video sent an unexpected message; the file may be damaged", h->path);
}

static enum status fail_received(struct helper *h, struct errmsg *em)
{
    struct errmsg theirs = {0};
    enum status st = helper_receive_bytes(h, &theirs, sizeof theirs, em);
    if (st != ST_OK)
        return st;
    bool known = child_message_fits(&theirs) && theirs.code != ST_OK;
    return FAIL(em, known ? theirs.code : ST_DATA, "%s: %s", h->path, theirs.text);
}

enum status helper_receive_bytes(struct helper *h, void *bytes, size_t n, struct errmsg *em)
{
    enum child_reply reply = child_receive(&h->child, bytes, n, h->within_s);
    return reply == CHILD_OK ? ST_OK : reply == CHILD_LATE ? fail_late(h, em) : fail_ended(h, em);
}

enum status helper_receive(struct helper *h, struct video_message *out, struct errmsg *em)
{
    enum status st;
    do {
        st = helper_receive_bytes(h, out, sizeof *out, em);
        if (st == ST_OK && out->magic != VIDEO_MAGIC)
            return fail_unexpected(h, em);
    } while (st == ST_OK && out->kind == VIDEO_WORKING && out->bytes == 0);
    if (st == ST_OK && out->kind == VIDEO_FAILED)
        return out->bytes == sizeof(struct errmsg) ? fail_received(h, em) : fail_unexpected(h, em);
    return st;
}

enum status helper_expect(struct helper *h, enum video_kind kind, void *bytes, size_t n,
                          struct errmsg *em)
{
    struct video_message m;
    enum status st = helper_receive(h, &m, em);
    if (st == ST_OK && (m.kind != kind || m.bytes != n))
        return fail_unexpected(h, em);
    return st == ST_OK ? helper_receive_bytes(h, bytes, n, em) : st;
}

enum status helper_send(struct helper *h, const struct video_message *m, const void *bytes,
                        struct errmsg *em)
{
    enum child_reply reply = child_send(&h->child, m, sizeof *m, h->within_s);
    if (reply == CHILD_OK)
        reply = child_send(&h->child, bytes, m->bytes, h->within_s);
    if (reply == CHILD_LATE)
        return fail_late(h, em);
    struct video_message answer;
    enum status st = ST_OK;
    if (reply == CHILD_GONE && (st = helper_receive(h, &answer, em)) == ST_OK)
        st = fail_unexpected(h, em);
    return st;
}

void helper_end(struct helper *h, double within_s)
{
    if (h->child.pid > 0)
        (void)child_end(&h->child, within_s);
    h->child.pid = 0;
}
