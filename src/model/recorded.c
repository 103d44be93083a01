#include "recorded.h"

#include <string.h>

#include "model/augment.h"
#include "shim/graph.h"

#include "base/poison.h"

static struct recorded_kind kind_of(const struct batch *b, double global_batch, bool fresh)
{
    struct recorded_kind k;
    memset(&k, 0, sizeof k); /* also the padding: kinds are compared byte by byte */
    k.n = b->n;
    k.global_batch = global_batch;
    k.fresh = fresh;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        k.arrays[who] = batch_arrays(b, who);
        k.augment[who] = augment_operations(b->draws[who], b->n);
    }
    return k;
}

/* Finds the kind or adds it; NULL: RECORDED_MAX others are there. */
static struct recorded_pass *find(struct recorded *r, const struct recorded_kind *kind)
{
    for (size_t i = 0; i < r->n; i++)
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-*): kind_of sets the padding */
        if (memcmp(&r->passes[i].kind, kind, sizeof *kind) == 0)
            return &r->passes[i];
    if (r->n == RECORDED_MAX)
        return NULL;
    memcpy(&r->passes[r->n].kind, kind, sizeof *kind);
    return &r->passes[r->n++];
}

enum status recorded_find(struct recorded *r, const struct shim_scope *s, struct shim_group *g,
                          const struct batch *b, double global_batch, bool fresh,
                          struct shim_graph **out, struct errmsg *em)
{
    struct recorded_kind kind = kind_of(b, global_batch, fresh);
    struct recorded_pass *p = find(r, &kind);
    enum status st = ST_OK;
    if (p && p->seen < RECORDED_AFTER)
        p->seen++;
    else if (p && !p->graph)
        st = shim_graph_new(s, g, &p->graph, em);
    if (st == ST_OK)
        *out = p ? p->graph : NULL;
    return st;
}

void recorded_drop_fresh(struct recorded *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->passes[i].kind.fresh)
            shim_graph_free(r->passes[i].graph);
        else
            memmove(&r->passes[kept++], &r->passes[i], sizeof *r->passes);
    memset(&r->passes[kept], 0, (r->n - kept) * sizeof *r->passes);
    r->n = kept;
}

void recorded_release(struct recorded *r)
{
    for (size_t i = 0; i < r->n; i++)
        shim_graph_free(r->passes[i].graph);
    memset(r, 0, sizeof *r);
}
