#include "comm/slot_sum.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { NODES_MAX = 2 * 64, EXCHANGE_BYTES = 8 << 20 };

struct node {
    unsigned level;
    size_t index;
};

/* Complete nodes of the tree that wait for their siblings, from left to right. */
struct stack {
    size_t n, deepest;
    struct node nodes[NODES_MAX];
};

struct slot_sum {
    struct comm *comm;
    float *gradients;
    size_t count, n_slots;
    size_t next; /* the slot that is added next */
    struct stack stack;
    float **partials; /* (n_partials) of (count): the sums of the stack's nodes */
    size_t n_partials;
    size_t nodes_a_rank; /* the most nodes that a rank has left at the end */
    float *exchange;     /* (world_size, nodes_a_rank, piece) */
    size_t piece;        /* elements */
};

/* Puts a node on the stack. While the top node has its left sibling on the stack, `add` adds the
 * two and their parent replaces them. */
static void push(struct stack *s, struct node node, void (*add)(void *ctx, size_t left), void *ctx)
{
    while (s->n > 0 && (node.index & 1) && s->nodes[s->n - 1].level == node.level &&
           s->nodes[s->n - 1].index == node.index - 1) {
        s->n--;
        if (add)
            add(ctx, s->n);
        node = (struct node){node.level + 1, node.index / 2};
    }
    s->nodes[s->n++] = node;
    s->deepest = MAX(s->deepest, s->n);
}

/* The stack of a rank after its last slot. */
static struct stack stack_of(const struct slot_sum *s, int rank)
{
    struct stack stack = {0};
    size_t first, n;
    comm_shard(s->n_slots, comm_world_size(s->comm), rank, &first, &n);
    for (size_t slot = first; slot < first + n; slot++)
        push(&stack, (struct node){0, slot}, NULL, NULL);
    return stack;
}

static enum status allocate(struct slot_sum *s, struct errmsg *em)
{
    size_t ranks = (size_t)comm_world_size(s->comm), bytes;
    for (size_t r = 0; r < ranks; r++)
        s->nodes_a_rank = MAX(s->nodes_a_rank, stack_of(s, (int)r).n);
    s->n_partials = MAX(stack_of(s, comm_rank(s->comm)).deepest, s->nodes_a_rank);
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a rank has a slot, so nodes_a_rank > 0 */
    s->piece = MAX(EXCHANGE_BYTES / sizeof(float) / (ranks * s->nodes_a_rank), (size_t)1);
    s->partials = calloc(s->n_partials, sizeof *s->partials);
    bool fits = s->partials && checked_mul(s->count, sizeof(float), &bytes);
    for (size_t i = 0; i < s->n_partials && fits; i++)
        fits = (s->partials[i] = calloc(s->count, sizeof(float))) != NULL;
    if (fits)
        s->exchange = malloc(ranks * s->nodes_a_rank * s->piece * sizeof(float));
    return s->exchange ? ST_OK
                       : FAIL(em, ST_MEMORY,
                              "out of memory: train.reproducible keeps %zu copies of the gradient; "
                              "raise train.slot_size",
                              s->n_partials);
}

enum status slot_sum_new(struct comm *c, float *gradients, size_t count, size_t n_slots,
                         struct slot_sum **out, struct errmsg *em)
{
    struct slot_sum *s = calloc(1, sizeof *s);
    if (!s)
        return FAIL(em, ST_MEMORY, "out of memory");
    BUG_ON(n_slots == 0 || count == 0);
    s->comm = c;
    s->gradients = gradients;
    s->count = count;
    s->n_slots = n_slots;
    enum status st = allocate(s, em);
    if (st == ST_OK)
        *out = s;
    else
        slot_sum_free(s);
    return st;
}

void slot_sum_describe(const struct slot_sum *s, char *out, size_t size)
{
    double unit = (double)(1 << 20), gradient = (double)(s->count * sizeof(float)) / unit;
    size_t ranks = (size_t)comm_world_size(s->comm);
    snprintf(out, size,
             "%zu slots, %.1f MiB a rank for sums of slots, %.1f MiB exchanged a step (%.1f MiB "
             "of gradients)",
             s->n_slots, gradient * (double)s->n_partials,
             ranks > 1 ? gradient * (double)(ranks * s->nodes_a_rank) : 0.0, gradient);
}

void slot_sum_free(struct slot_sum *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->partials && i < s->n_partials; i++)
        free(s->partials[i]);
    free(s->partials);
    free(s->exchange);
    free(s);
}

/* right = left + right */
static void add_to_right(const float *left, float *right, size_t n)
{
    for (size_t i = 0; i < n; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): allocate has made the partials */
        right[i] = left[i] + right[i];
}

static void add_partial(void *ctx, size_t left)
{
    struct slot_sum *s = ctx;
    add_to_right(s->partials[left], s->gradients, s->count);
}

void slot_sum_add(struct slot_sum *s)
{
    size_t first, n;
    comm_shard(s->n_slots, comm_world_size(s->comm), comm_rank(s->comm), &first, &n);
    BUG_ON(s->next >= n);
    push(&s->stack, (struct node){0, first + s->next++}, add_partial, s);
    memcpy(s->partials[s->stack.n - 1], s->gradients, s->count * sizeof(float));
}

/* Adds the nodes of all ranks for one piece of the gradient. */
struct climb {
    float *terms[NODES_MAX]; /* sums of the stack's nodes */
    float *incoming;         /* sum of the node that is pushed next */
    size_t n;                /* elements */
};

static void add_term(void *ctx, size_t left)
{
    struct climb *climb = ctx;
    add_to_right(climb->terms[left], climb->incoming, climb->n);
}

/* Adds the exchanged nodes: first complete parents, then the nodes left at the right edge. */
static const float *sum_piece(const struct slot_sum *s, size_t n)
{
    struct stack stack = {0};
    struct climb climb = {.n = n};
    for (int r = 0; r < comm_world_size(s->comm); r++) {
        struct stack theirs = stack_of(s, r);
        for (size_t k = 0; k < theirs.n; k++) {
            climb.incoming = s->exchange + ((size_t)r * s->nodes_a_rank + k) * n;
            push(&stack, theirs.nodes[k], add_term, &climb);
            climb.terms[stack.n - 1] = climb.incoming;
        }
    }
    float *sum = climb.terms[stack.n - 1];
    for (size_t i = stack.n - 1; i-- > 0;)
        add_to_right(climb.terms[i], sum, n);
    return sum;
}

enum status slot_sum_finish(struct slot_sum *s, struct errmsg *em)
{
    size_t ranks = (size_t)comm_world_size(s->comm), rank = (size_t)comm_rank(s->comm), n;
    enum status st = ST_OK;
    for (size_t done = 0; done < s->count && st == ST_OK; done += n) {
        n = MIN(s->piece, s->count - done);
        for (size_t k = 0; k < s->nodes_a_rank; k++)
            memcpy(s->exchange + (rank * s->nodes_a_rank + k) * n, s->partials[k] + done,
                   n * sizeof(float));
        st = comm_do(s->comm, COMM_ALL_GATHER, s->exchange, ranks * s->nodes_a_rank * n, COMM_F32,
                     0, NULL, em);
        if (st == ST_OK)
            memcpy(s->gradients + done, sum_piece(s, n), n * sizeof(float));
    }
    s->stack.n = s->next = 0;
    return st;
}
