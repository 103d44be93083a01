/* A node's shared memory between processes of this test: the barrier, and peers that are gone. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "node.h"
#include "testing.h"

enum { PEERS = 3, ROUNDS = 500 };

/* How the test's processes meet before they share a node. */
struct meeting {
    char names[PEERS][NODE_NAME_BYTES];
    _Atomic int named, attached, settled;
    _Atomic int counts[PEERS];
};

static struct meeting *meeting;

static void meet(_Atomic int *come)
{
    atomic_fetch_add(come, 1);
    while (atomic_load(come) < PEERS)
        usleep(100);
}

static struct node *join(int rank)
{
    struct errmsg em = {0};
    struct node *n;
    struct node_limits limits = {0};
    if (node_new(rank, PEERS, &limits, &n, &em) != ST_OK)
        _exit(70);
    memcpy(meeting->names[rank], node_name(n), NODE_NAME_BYTES);
    meet(&meeting->named);
    if (node_attach(n, meeting->names[0], &em) != ST_OK)
        _exit(71);
    node_slot(n, rank)->rank = rank;
    meet(&meeting->attached);
    node_settle(n);
    meet(&meeting->settled);
    return n;
}

/* Runs body in PEERS processes, with rank 0's process this one's child as well. */
static void spawn(pid_t pids[PEERS], void (*body)(struct node *n, int rank))
{
    meeting =
        mmap(NULL, sizeof *meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(meeting != MAP_FAILED);
    for (int r = 0; r < PEERS; r++) {
        pids[r] = fork();
        assert_true(pids[r] >= 0);
        if (pids[r] > 0)
            continue;
        alarm(30);
        body(join(r), r);
        _exit(0);
    }
}

static int exit_code_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Nobody is a round ahead of anybody. */
static void count_rounds(struct node *n, int rank)
{
    struct errmsg em = {0};
    for (int round = 0; round < ROUNDS; round++) {
        atomic_store(&meeting->counts[rank], round);
        if (node_barrier(n, &em) != ST_OK)
            _exit(1);
        for (int r = 0; r < PEERS; r++)
            if (atomic_load(&meeting->counts[r]) < round)
                _exit(2);
    }
}

static void a_barrier_waits_for_all(void **state)
{
    (void)state;
    pid_t pids[PEERS];
    spawn(pids, count_rounds);
    for (int r = 0; r < PEERS; r++)
        assert_int_equal(exit_code_of(pids[r]), 0);
}

static void wait_for_the_dead(struct node *n, int rank)
{
    struct errmsg em = {0};
    char text[64];
    if (node_barrier(n, &em) != ST_OK)
        _exit(1);
    atomic_fetch_add(&meeting->counts[0], 1);
    if (rank == 1)
        pause();
    if (node_barrier(n, &em) != ST_PEER)
        _exit(2);
    snprintf(text, sizeof text, "rank 1 (pid %lld) has ended",
             (long long)node_slot(n, 1)->process.pid);
    if (!strstr(em.text, text) || node_barrier(n, &em) != ST_PEER)
        _exit(3);
}

static void a_killed_peer_ends_the_waiting(void **state)
{
    (void)state;
    pid_t pids[PEERS];
    spawn(pids, wait_for_the_dead);
    while (atomic_load(&meeting->counts[0]) < PEERS)
        usleep(100);
    kill(pids[1], SIGKILL);
    assert_int_equal(exit_code_of(pids[0]), 0);
    assert_int_equal(exit_code_of(pids[2]), 0);
    assert_int_equal(exit_code_of(pids[1]), -SIGKILL);
}

/* Rank 1 reports a failure, and ends by SIGSEGV when it reads the message. */
static void break_badly(struct node *n, int rank)
{
    struct errmsg em = {0};
    signal(SIGSEGV, SIG_DFL); /* not cmocka's */
    if (rank == 1)
        (void)node_break(n, mmap(NULL, sizeof em, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                         &em);
    if (node_barrier(n, &em) != ST_PEER ||
        !strstr(em.text, "has ended while it reported a failure"))
        _exit(1);
}

static void a_peer_killed_while_it_reports_ends_the_waiting(void **state)
{
    (void)state;
    pid_t pids[PEERS];
    spawn(pids, break_badly);
    assert_int_equal(exit_code_of(pids[0]), 0);
    assert_int_equal(exit_code_of(pids[2]), 0);
    assert_int_equal(exit_code_of(pids[1]), -SIGSEGV);
}

static void memory_of_a_peer_is_seen(struct node *n, int rank)
{
    struct errmsg em = {0};
    unsigned char *mine = node_alloc(n, 5000);
    node_slot(n, rank)->offset = node_offset(n, mine, 5000);
    memset(mine, rank + 1, 5000);
    if (node_barrier(n, &em) != ST_OK)
        _exit(1);
    for (int r = 0; r < PEERS; r++) {
        const unsigned char *theirs = node_at(n, r, node_slot(n, r)->offset);
        if (theirs[0] != r + 1 || theirs[4999] != r + 1)
            _exit(2);
    }
    int outside;
    if (node_offset(n, &outside, sizeof outside) != NODE_NOWHERE || node_release(n, &outside))
        _exit(3);
    if (node_barrier(n, &em) != ST_OK || !node_release(n, mine))
        _exit(4);
}

static void memory_is_shared_and_leaves_no_file(void **state)
{
    (void)state;
    pid_t pids[PEERS];
    char path[NODE_NAME_BYTES + 16];
    spawn(pids, memory_of_a_peer_is_seen);
    for (int r = 0; r < PEERS; r++)
        assert_int_equal(exit_code_of(pids[r]), 0);
    for (int r = 0; r < PEERS; r++) {
        snprintf(path, sizeof path, "/dev/shm%s", meeting->names[r]);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static char killed_in_opening[NODE_NAME_BYTES];

/* A child makes a segment and is killed; its name goes to killed_in_opening. */
static void leave_a_segment(void)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct node *n;
        const struct node_limits limits = {0};
        struct errmsg em = {0};
        if (node_new(0, 1, &limits, &n, &em) == ST_OK &&
            write(ends[1], node_name(n), NODE_NAME_BYTES) == NODE_NAME_BYTES)
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(read(ends[0], killed_in_opening, NODE_NAME_BYTES), NODE_NAME_BYTES);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ends[0]);
    close(ends[1]);
}

/* Sweeps when the file is so old; returns true if the file is still there. */
static bool outlasts_a_sweep(const char *name, time_t age_s)
{
    char path[NODE_NAME_BYTES + 16];
    const struct timespec times[2] = {{.tv_sec = time(NULL) - age_s},
                                      {.tv_sec = time(NULL) - age_s}};
    snprintf(path, sizeof path, "/dev/shm%s", name);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    shared_file_sweep();
    return access(path, F_OK) == 0;
}

static void a_segment_of_a_killed_run_is_removed(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct node *mine;
    const struct node_limits limits = {0};
    assert_ok(node_new(0, 1, &limits, &mine, &em));
    leave_a_segment();
    assert_true(outlasts_a_sweep(killed_in_opening, 0)); /* it may not be locked yet */
    assert_true(outlasts_a_sweep(node_name(mine), 3600));
    assert_false(outlasts_a_sweep(killed_in_opening, 3600));
    node_free(mine);
}

static void other_files_are_not_removed(void **state)
{
    (void)state;
    static const char *const names[] = {"/bifrons-faces.shm", "/bifrons-a-1-2-3.h5",
                                        "/bifrons-a-1-2-3.shm.h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        close(shm_open(names[i], O_RDWR | O_CREAT, 0600));
        bool kept = outlasts_a_sweep(names[i], 3600);
        shm_unlink(names[i]);
        assert_true(kept);
    }
}

static void states_of_processes(void **state)
{
    (void)state;
    struct process_id self = process_self(), other = self;
    assert_int_equal(process_state_of(&self), PROCESS_ALIVE);
    assert_false(process_is_traced(&self));
    other.started++; /* the number of a process that has ended, taken by another */
    assert_int_equal(process_state_of(&other), PROCESS_GONE);
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    struct process_id stopped;
    assert_true(process_find(child, &stopped));
    assert_int_equal(process_state_of(&stopped), PROCESS_STOPPED);
    kill(child, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_state_of(&stopped), PROCESS_GONE); /* a zombie */
    exit_code_of(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_barrier_waits_for_all),
        cmocka_unit_test(a_killed_peer_ends_the_waiting),
        cmocka_unit_test(a_peer_killed_while_it_reports_ends_the_waiting),
        cmocka_unit_test(memory_is_shared_and_leaves_no_file),
        cmocka_unit_test(a_segment_of_a_killed_run_is_removed),
        cmocka_unit_test(other_files_are_not_removed),
        cmocka_unit_test(states_of_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
