#include "run_open.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "colours.h"
#include "local_sets.h"
#include "set_notes.h"
#include "validate.h"

static const char person_letter[2] = {'A', 'B'};

static enum status open_set(struct run *run, int person, const char *path, struct errmsg *em)
{
    enum status st = set_open(path, &run->sets[person], em);
    if (st != ST_OK)
        return st;
    const struct set_info *info = set_get_info(run->sets[person]);
    if (info->consent[0] == '\0')
        return FAIL(em, ST_DATA,
                    "%s: the set of person %c (\"%s\") carries no consent statement; pack it again "
                    "with --consent \"who agreed to what\"",
                    path, person_letter[person], info->person);
    st = order_of_set(run->sets[person], run->config.data.val_fraction, run->config.train.seed,
                      (enum order_person)person, &run->orders[person], em);
    if (st != ST_OK)
        return st;
    int64_t n = order_train_count(run->orders[person]), batch = config_largest_batch(&run->config);
    if (n < batch)
        return FAIL(em, ST_DATA,
                    "%s: %lld training pictures of person %c are fewer than a batch of %lld; add "
                    "pictures or lower train.global_batch",
                    path, (long long)n, person_letter[person], (long long)batch);
    return ST_OK;
}

static enum status open_sets(struct run *run, struct errmsg *em)
{
    struct local_sets local;
    enum status st = local_sets_prepare(run, &local, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = open_set(run, p, local.path[p], em);
    return st;
}

static enum status measure_colours(struct run *run, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = colours_measure(run->sets[p], run->orders[p], run_uses_masks(run),
                             (enum augment_space)run->config.augment.colour_space,
                             &run->measures.colours[p], em);
    return st;
}

/* Measures what swap --into needs of the faces: mean identity and distance of the pupils. */
static enum status measure_faces(struct run *run, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        if ((st = set_mean_identity(run->sets[p], &run->measures.identities[p], em)) == ST_OK)
            st = set_pupil_distance(run->sets[p], &run->measures.pupils[p], em);
    return st;
}

/* Warns if A and B seem to be one person in different pictures. */
static void log_one_person(const struct run *run)
{
    double apart =
        set_identity_distance(&run->measures.identities[0], &run->measures.identities[1]);
    bool same = set_get_info(run->sets[0])->fingerprint == set_get_info(run->sets[1])->fingerprint;
    if (apart < SET_PEOPLE_APART && !same)
        log_warn("data.a and data.b seem to show one person: the means of their identities are "
                 "%.2f apart, those of two people %.2f or more. A swap would change nothing",
                 apart, SET_PEOPLE_APART);
}

/* Warns of points that are wrong, not known, or do not vary: z is 0 there. */
static void log_gaps(const struct run *run, int person, struct pose_gaps *gaps)
{
    if (gaps->wrong.n > 0)
        log_warn("%s: the points of %zu training picture%s are not used: most lie outside of the "
                 "picture, or left and right are exchanged (%s)",
                 run_set_name(run, person), gaps->wrong.n, PLURAL(gaps->wrong.n),
                 name_list_text(&gaps->wrong));
    if (gaps->unknown.n > 0)
        log_warn("%s: %zu of %d coordinates of points are not known in any training picture, and "
                 "tell the network nothing (%s)",
                 run_set_name(run, person), gaps->unknown.n, 2 * FACE_POINTS,
                 name_list_text(&gaps->unknown));
    if (gaps->constant.n > 0)
        log_warn("%s: %zu of %d coordinates of points are the same in all training pictures, and "
                 "tell the network nothing (%s)",
                 run_set_name(run, person), gaps->constant.n, 2 * FACE_POINTS,
                 name_list_text(&gaps->constant));
}

/* Warns if the two people do not move alike. */
static void log_unlike_poses(const struct run *run, const struct pose_scale still[2])
{
    const double much = 1.5;
    double a = pose_scales_ratio(&still[0], &still[1]), more = fmax(a, 1 / a);
    int wide = a > 1 ? 0 : 1;
    if (more > much)
        log_warn("the faces of %s (data.%c) move %.1f times as much as those of %s: many of their "
                 "poses are not in the other set, and swaps of these will be poor (bifrons inspect "
                 "--overlap shows which)",
                 run_set_name(run, wide), "ab"[wide], more, run_set_name(run, 1 - wide));
}

static enum status measure_poses(struct run *run, struct errmsg *em)
{
    const struct config *c = &run->config;
    struct pose_scale still[2] = {0};
    enum status st = ST_OK;
    for (int p = 0; p < 2 && c->model.pose && st == ST_OK; p++) {
        struct pose_gaps gaps = {0};
        const struct pose_draws draws = {&c->augment, c->train.seed, (enum order_person)p};
        if (!set_get_info(run->sets[p])->has_points)
            return FAIL(
                em, ST_CONFIG,
                "model.pose needs points, and %s (data.%c) has none: make the set with bifrons "
                "extract, which finds them, or pack it with points.csv, or set model.pose = "
                "\"none\" and loss.pose = 0",
                run_set_name(run, p), "ab"[p]);
        st = pose_scale_measure(run->sets[p], run->orders[p], POSE_PICTURES_MAX, &draws,
                                &run->measures.poses[p], &gaps, em);
        if (st == ST_OK)
            log_gaps(run, p, &gaps);
        still[p] = gaps.still;
    }
    if (st == ST_OK && c->model.pose) {
        log_unlike_poses(run, still);
        pose_scales_join(run->measures.poses);
    }
    return st;
}

static enum status measure_sets(struct run *run, struct errmsg *em)
{
    enum status st = measure_poses(run, em);
    if (st == ST_OK)
        st = measure_faces(run, em);
    if (st != ST_OK)
        return st;
    log_one_person(run);
    return measure_colours(run, em);
}

/* Rank 0 measures for all ranks: a large set's points take memory, and minutes. */
static enum status share_measures(struct run *run, struct errmsg *em)
{
    enum status st = comm_rank(run->comm) == 0 ? measure_sets(run, em) : ST_OK;
    st = comm_agree(run->comm, st, em);
    return st == ST_OK ? run_share_bytes(run, &run->measures, sizeof run->measures, em) : st;
}

/* Every rank must read the same pictures, masks and points: an old copy on one node would otherwise
 * go unnoticed. */
static enum status check_same_sets(struct run *run, struct errmsg *em)
{
    struct {
        uint64_t pictures, held_out, parts;
    } mine[2] = {0}, root[2];
    enum status st = ST_OK;
    if (comm_world_size(run->comm) == 1)
        return ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++) {
        mine[p].pictures = set_get_info(run->sets[p])->fingerprint;
        mine[p].held_out = order_held_out_hash(run->orders[p]); /* by /source and /time */
        st = set_hash_parts(run->sets[p], &mine[p].parts, em);
    }
    memcpy(root, mine, sizeof root);
    st = comm_agree(run->comm, st, em);
    if (st == ST_OK)
        st = run_share_bytes(run, root, sizeof root, em);
    if (st != ST_OK)
        return st;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        if (memcmp(&mine[p], &root[p], sizeof *mine) != 0)
            st = FAIL(em, ST_DATA,
                      "%s on node %s holds other %s than on rank 0's node; copy the same file to "
                      "every node",
                      set_path(run->sets[p]), comm_host_name(run->comm),
                      mine[p].pictures != root[p].pictures   ? "pictures"
                      : mine[p].held_out != root[p].held_out ? "times of its videos' frames"
                                                             : "masks, true swaps, landmarks or "
                                                               "points");
    return comm_agree(run->comm, st, em);
}

/* A stage must not enlarge pictures: it would learn nothing from that. */
static enum status check_stage_sizes(const struct run *run, struct errmsg *em)
{
    const struct config_stages *stages = &run->config.train.stages;
    for (int64_t i = 0; i < stages->n; i++)
        for (int p = 0; p < 2; p++) {
            int size = set_get_info(run->sets[p])->size;
            if (stages->list[i].image_size > size)
                return FAIL(em, ST_CONFIG,
                            "stage %" PRId64 " of train.stages: image_size = %" PRId64
                            " is more than the %d px of %s (data.%c): pack it at the largest "
                            "stage's size, with bifrons pack --size %" PRId64,
                            i + 1, stages->list[i].image_size, size, run_set_name(run, p), "ab"[p],
                            config_largest_size(&run->config));
        }
    return ST_OK;
}

/* With fewer pictures, a network with pose codes overfits. With about 100, they cost nothing
 * (docs/recipe.md). */
enum { POSE_PICTURES = 60 };

static void log_set_facts(const struct run *run)
{
    const struct set_info *info[2] = {set_get_info(run->sets[0]), set_get_info(run->sets[1])};
    for (int p = 0; p < 2; p++) {
        log_info("person %c: %s, %lld pictures of %d px (%lld to train on, %lld held out)",
                 person_letter[p], info[p]->person, (long long)info[p]->n, info[p]->size,
                 (long long)order_train_count(run->orders[p]),
                 (long long)order_val_count(run->orders[p]));
        if (info[p]->n < 500)
            log_warn("%s: 500 pictures or more are recommended%s", run_set_name(run, p),
                     run->config.model.pose && info[p]->n < POSE_PICTURES
                         ? "; with so few, leave pose codes out: model.pose = \"none\", "
                           "loss.pose = 0 (docs/recipe.md)"
                         : "");
        if (info[p]->size < run->config.model.image_size)
            log_warn("%s: pictures of %d px are enlarged to %d px; pack them larger if the "
                     "sources allow",
                     run_set_name(run, p), info[p]->size, run->config.model.image_size);
    }
    if (info[0]->fingerprint == info[1]->fingerprint)
        log_warn("data.a and data.b hold the same pictures: a swap cannot be learned from them");
    set_notes_log(run);
}

static enum status choose_threads(struct run *run, struct errmsg *em)
{
    struct thread_facts facts;
    threads_find_facts(&facts);
    facts.named = (int)run->config.train.threads;
    facts.ranks = comm_local_size(run->comm);
    enum status st = comm_count_cpu_sharers(run->comm, &facts.sharing, em);
    if (st == ST_OK)
        threads_choose(&facts, &run->threads);
    return st;
}

enum status run_open(struct run *run, struct errmsg *em)
{
    enum status st = choose_threads(run, em);
    if (st != ST_OK)
        return st;
    int near_gpu = comm_stay_near_gpu(run->comm);
    if (near_gpu > 0 && comm_rank(run->comm) == 0)
        log_info("rank 0 keeps to the %d processors next to its GPU", near_gpu);
    st = comm_agree(run->comm, open_sets(run, em), em);
    if (st == ST_OK)
        st = check_same_sets(run, em);
    if (st != ST_OK)
        return st;
    config_enter_stage(&run->config, 0);
    if (comm_rank(run->comm) == 0)
        log_set_facts(run);
    st = comm_agree(run->comm, check_stage_sizes(run, em), em);
    if (st == ST_OK)
        st = comm_agree(run->comm, validate_check(run, em), em);
    return st == ST_OK ? share_measures(run, em) : st;
}

void run_close(struct run *run)
{
    for (int p = 0; p < 2; p++) {
        order_free(run->orders[p]);
        set_free(run->sets[p]);
    }
}
