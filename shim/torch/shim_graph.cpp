// Recorded passes: a CUDA graph repeats the calls of a scope.
#include "shim_graph.hpp"
#include "shim_upload.hpp"

using namespace shim;

bool shim::already_made(shim_scope *s, const char *where, shim_tensor **made)
{
    shim_graph *g = s->graph;
    if (!g)
        return false;
    if (!g->recorded) {
        g->calls.push_back(where);
        return false;
    }
    if (g->next_call == g->calls.size() || strcmp(g->calls[g->next_call], where) != 0) {
        report(&s->em, ST_INTERNAL, where, "is not what the recorded pass did at this point");
        return true;
    }
    g->next_call++;
    if (made)
        *made = &g->tensors[g->next_tensor++];
    return true;
}

bool shim::is_repeated(const shim_scope *s)
{
    return s->graph && s->graph->recorded;
}

at::Tensor shim::graph_upload(shim_graph *g, const packed &host, at::Device device)
{
    at::Tensor pinned = pin(host);
    g->uploads.push_back(host.in(pinned));
    at::Tensor there = at::empty({host.bytes}, at::TensorOptions(at::kByte).device(device));
    there.copy_(pinned, /*non_blocking=*/true);
    return there;
}

void shim::graph_refill(shim_graph *g, const packed &host)
{
    if (!g->recorded)
        return;
    const size_t n = host.arrays.size();
    bool same = g->next_upload < g->uploads.size() && g->uploads[g->next_upload].size() == n;
    for (size_t i = 0; i < n && same; i++)
        same = g->uploads[g->next_upload][i].sizes() == host.arrays[i].sizes();
    TORCH_CHECK(same, "the memory has another size than in the recorded pass");
    for (size_t i = 0; i < n; i++)
        g->uploads[g->next_upload][i].copy_(host.arrays[i]);
    g->next_upload++;
}

namespace
{

// Keeps the results of the calls, without their autograd graph.
void keep_tensors(shim_scope *s, shim_graph *g)
{
    g->tensors = std::move(s->owned);
    s->owned.clear();
    for (auto last = g->tensors.rbegin(); last != g->tensors.rend(); ++last)
        last->t = last->t.detach();
    g->recorded = true;
}

void end_and_launch(shim_scope *s, shim_graph *g)
{
    on_device here(s->device);
    if (!g->recorded)
        g->capture->end();
    if (s->em.code != ST_OK)
        return;
    if (!g->recorded)
        keep_tensors(s, g);
    else
        TORCH_CHECK(g->next_call == g->calls.size(), "fewer calls than the recorded pass made");
    g->capture->launch();
}

} // namespace

extern "C" {

enum status shim_graph_new(const struct shim_scope *s, struct shim_group *group,
                           struct shim_graph **out, struct errmsg *em)
{
    return guard(__func__, em, [&] {
        auto capture = new_capture(s->device);
        TORCH_CHECK(capture, "graphs are for GPUs, not for ", s->device.str());
        *out = new shim_graph{.group = group, .capture = std::move(capture)};
    });
}

void shim_graph_free(struct shim_graph *g)
{
    delete g;
}

void shim_graph_begin(struct shim_scope *s, struct shim_graph *g)
{
    if (!g || s->em.code != ST_OK)
        return;
    guard(__func__, &s->em, [&] {
        TORCH_CHECK(!s->graph && s->owned.empty(), "a pass begins in a scope without tensors");
        g->next_call = g->next_tensor = g->next_upload = 0;
        if (g->recorded) {
            g->capture->wait(); // the last run may still read the memory that is filled next
        } else {
            on_device here(s->device);
            g->capture->begin();
            g->group->held = &g->ready;
        }
        s->graph = g;
    });
}

void shim_graph_end(struct shim_scope *s, struct shim_graph *g)
{
    if (!g || s->graph != g)
        return; // no graph, or it has not begun
    s->graph = nullptr;
    g->group->held = nullptr;
    struct errmsg later = {};
    guard(__func__, s->em.code == ST_OK ? &s->em : &later, [&] { end_and_launch(s, g); });
    if (s->em.code == ST_OK && g->group->ready)
        for (const auto &[offset, count] : g->ready)
            g->group->ready(g->group->ready_ctx, offset, count);
}

} // extern "C"
