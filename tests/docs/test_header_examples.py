"""Every example in a header compiles, as the program's own code does.

An example is a block of a header's comment that begins five spaces from the star and has a line that
ends as C does, in ; { or }. It becomes the body of a function that returns a status and is compiled with
its module's include folders, warnings as errors. What it uses and does not declare stands in GIVEN."""

import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve().parent
HEADERS = sorted(path for folder in ("src", "shim") for path in (ROOT / folder).rglob("*.h"))
# An example need not use what it shows, and may name its variables as GIVEN does.
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wvla", "-Wconversion", "-Wformat=2", "-Wstrict-prototypes", "-Werror",
            "-Wno-unused-variable", "-Wno-unused-but-set-variable", "-Wno-unused-value"]

# Header: what its examples take as given, beside `em` and `st`, which every example has.
GIVEN = {
    "shim/include/shim/archive.h": ((), """
        extern const void *memory, *json; extern const char *path; extern size_t json_bytes; extern int64_t dims[];
        extern struct hash128_stream *hash;"""),
    "shim/include/shim/graph.h": ((), """
        extern struct shim_scope *scope; extern struct shim_graph *graph; extern const uint8_t *images;
        extern int64_t dims[]; extern double value;"""),
    "shim/include/shim/inference.h": ((), """
        extern struct shim_scope *s; extern struct shim_tensor *x, *weight, *bias, *slopes;"""),
    "shim/include/shim/shim.h": ((), """
        extern const float *pictures; extern int64_t n, h, w; extern struct shim_tensor *weight, *bias, *x;
        extern struct shim_scope *s, *scope; extern struct { int channels; } levels[2];
        struct shim_tensor *level(struct shim_scope *s, const void *ctx, struct shim_tensor *x);"""),
    "shim/include/shim/upload.h": ((), """
        extern struct shim_scope *scope; extern const uint8_t *images; extern const float *points; extern int64_t n, h, w;"""),
    "shim/toml/include/toml/toml.h": ((), "extern const char *text; extern size_t n;"),
    "src/base/include/base/pool.h": ((), """
        extern size_t n_pictures; extern int job;
        enum status draw(void *context, size_t i, struct errmsg *em); void show(void *context, size_t done);"""),
    "src/base/include/base/batch.h": ((), "extern size_t capacity; extern int size;"),
    "src/base/include/base/child.h": ((), "int answer(int link, void *context);"),
    "src/base/include/base/philox.h": ((), "extern uint64_t seed, position;"),
    "src/base/include/base/text.h": ((), "extern const char *text;"),
    "src/base/include/base/thread.h": (("base/include/base/status.h",), """
        extern pthread_t thread; extern pthread_cond_t changed; extern pthread_mutex_t lock; extern void *context;
        extern bool done; extern double until_s; void *work(void *context);"""),
    "src/base/include/base/sidecar.h": ((), "extern const char *path, *temporary; extern struct hash128 hash;"),
    "src/base/include/base/status.h": (("data/include/data/set.h",), "extern const char *path; extern struct set *set;"),
    "src/comm/include/comm/comm.h": ((), "extern struct comm_options options; extern float *grads; extern size_t n;"),
    "src/comm/include/comm/reducer.h": ((), """
        extern struct reducer_options options; extern int64_t steps; void backward(void);"""),
    "src/comm/include/comm/slot_sum.h": ((), """
        extern struct comm *comm; extern float *gradients; extern size_t count, n_slots; extern int64_t steps;
        void backward(size_t slot);"""),
    "src/comm/include/comm/watchdog.h": ((), "extern struct comm *c; extern double timeout_s; extern int64_t step;"),
    "src/comm/mpi/node.h": ((), """
        extern int local_rank, local_size; extern struct node_limits limits; extern const char *names;"""),
    "src/data/drawn/drawn_parts.h": ((), "extern const struct portrait *p; extern struct vec3 head_point;"),
    "src/data/include/data/chart.h": ((), "extern size_t n; extern double *ranks, *speed; extern struct picture picture;"),
    "src/data/include/data/file_kind.h": (("base/include/base/log.h",), ""),
    "src/data/include/data/folder_points.h": (("data/include/data/picture.h",), "extern struct picture picture;"),
    "src/data/include/data/left_files.h": (("base/include/base/log.h",), "extern const struct file_kind *kind;"),
    "src/data/include/data/loader.h": ((), """
        extern struct loader *l; extern uint64_t first_position; extern size_t n; extern struct batch batch;"""),
    "src/data/include/data/pack.h": ((), "extern const char *folder;"),
    "src/data/include/data/points.h": ((), "extern struct set *set; extern int64_t row; extern struct augment_draw draw;"),
    "src/data/include/data/pose.h": ((), """
        extern struct set *set; extern struct order *order; extern int64_t row; extern struct augment_draw draw;"""),
    "src/data/include/data/video.h": (("base/include/base/log.h",), ""),
    "src/data/include/data/video_writer.h": ((), "extern struct picture picture; extern struct picture_mark mark;"),
    "src/video/convert.h": ((), """
        enum status send_picture(void *context, AVFrame *f, struct errmsg *em); extern struct reader reader;
        extern AVFrame *frame;"""),
    "src/video/source.h": ((), "void use(AVFrame *frame);"),
    "src/video/sound.h": ((), "extern AVFormatContext *output; extern struct sound_part part;"),
    "src/data/include/data/warp.h": ((), """
        extern struct picture picture; extern struct similarity map; extern float *cut;"""),
    "src/driver/composite/composite.h": ((), """
        extern struct picture picture; extern struct similarity cut; extern int size; extern double side;
        extern uint8_t *decoded, *source, *hull;"""),
    "src/driver/composite/choose.h": ((), """
        extern struct people people[]; extern struct face faces[]; extern size_t n; extern double time_s;
        bool next_frame(struct face *faces, size_t *n, double *time_s);"""),
    "src/driver/composite/label.h": ((), "extern struct picture picture; extern struct face faces[]; extern size_t n;"),
    "src/driver/composite/into.h": ((), """
        extern struct model *model; extern struct finder *finder; extern struct face reference;
        extern struct picture picture, out; extern struct into_report report;"""),
    "src/driver/extract/cuts/cuts.h": ((), """
        extern struct cuts_options options; extern struct sight *sights; extern size_t n;"""),
    "src/driver/faces/expression.h": ((), "extern struct face face;"),
    "src/driver/extract/finish.h": ((), "extern struct finish_options o; extern struct cuts cuts;"),
    "src/driver/extract/cuts/sight.h": (("driver/extract/cuts/cuts.h",), """
        extern struct finder *finder; extern struct sight_rules rules; extern struct frame frame; extern struct cuts cuts;"""),
    "src/driver/extract/cuts/stored.h": ((), "extern const char *folder;"),
    "src/driver/extract/watch.h": (("data/include/data/picture_folder.h",), """
        extern struct frames *frames; extern struct extract_arguments a; extern struct cuts cuts; bool stop(void);
        extern struct name_list left[VERDICTS];"""),
    "src/driver/extract/who.h": (("driver/extract/cuts/stored.h",), "extern uint64_t several; extern struct finder *finder;"),
    "src/driver/faces/finder.h": ((), """
        extern const char *folder_or_null; extern struct finder *f; extern struct picture picture;"""),
    "src/driver/extract/frames/frames.h": ((), """
        extern const char *const *words; extern size_t n_words; extern struct video_options video; void keep(const struct picture *picture);"""),
    "src/driver/extract/frames/inputs.h": (("data/include/data/picture.h",), """
        extern const char *const *words; extern size_t n_words; extern struct picture picture;"""),
    "src/driver/faces/people.h": ((), """
        extern struct face face, other_face; extern double distance; void keep(const struct face *face);"""),
    "src/driver/faces/shape.h": ((), "extern struct face face;"),
    "src/driver/faces/smooth.h": ((), """
        extern struct face face; extern double time_s; bool next_frame(struct face *face, double *time_s);"""),
    "src/data/include/data/local_copy.h": ((), "extern const char *path; extern bool made; extern int local_rank;"),
    "src/driver/config/config.h": ((), "extern int world_size;"),
    "src/driver/config/arguments/config_sources.h": ((), "extern struct config config;"),
    "src/driver/config/arguments/train_arguments.h": (("driver/command/command.h",), "extern int argc; extern char **argv;"),
    "src/driver/infer/results.h": ((), "extern struct source source; extern char path[PATH_BYTES_MAX];"),
    "src/driver/infer/source.h": ((), "extern int size; extern struct picture picture; extern float points[FACE_POINTS][2];"),
    "src/driver/measures/follow.h": ((), "extern struct follow_source source; extern int person;"),
    "src/driver/measures/likeness.h": ((), "extern struct likeness_face face, source, swapped;"),
    "src/driver/plan/plan.h": ((), "extern struct plan_request request;"),
    "src/driver/train/preview_faces.h": ((), "extern struct session *s; extern struct preview_pictures pictures;"),
    "src/driver/train/step/ranks/average.h": ((), "extern struct stage *stage;"),
    "src/driver/train/tune/batch_trials.h": ((), """
        extern struct batch_trials t; extern double planned, available; extern int64_t pairs_there_are; struct batch_trial try_batch(int64_t pairs);"""),
    "src/driver/train/health/collapse.h": ((), """
        extern struct collapse c; extern struct collapse_view views[MODEL_PEOPLE]; extern double losses[MODEL_PEOPLE], lr;
        extern int64_t patience;"""),
    "src/driver/train/health/outputs.h": ((), """
        extern struct outputs_sum sum; extern uint8_t *reconstruction, *picture, *mask_or_null; extern int size;"""),
    "src/driver/train/step/feed.h": ((), """
        extern struct feed_options options; extern struct feed *f; extern uint64_t position; extern size_t n, m;"""),
    "src/driver/inspect/faces.h": ((), "extern struct set *set;"),
    "src/driver/inspect/trained_on.h": ((), "extern const json_t *record;"),
    "src/driver/inspect/uses_pictures.h": ((), "extern json_t *found; extern const char *path;"),
    "src/driver/train/run/folders.h": ((), "extern struct run *run; extern const struct train_arguments *a;"),
    "src/driver/train/health/guard.h": ((), """
        extern struct config config; extern double loss; extern bool is_finite; extern struct { struct guard guard; } state, saved;"""),
    "src/driver/train/tune/lr_curve.h": ((), "double loss_of_a_step_at(double rate);"),
    "src/driver/train/report/metrics.h": ((), "extern struct metrics_row row;"),
    "src/driver/train/report/progress.h": ((), """
        extern struct progress p; extern struct progress_options options; extern struct progress_val val;
        extern struct model_losses losses; extern int64_t steps_per_epoch;"""),
    "src/driver/train/resume/resume.h": (("driver/train/step/stage_open.h",), "extern struct session *s; extern const char *path_or_null;"),
    "src/driver/train/run/run_folder.h": ((), """
        extern const char *out, *config_toml; extern bool continues, best; extern int64_t step; extern int keep;
        extern char temporary[PATH_BYTES_MAX]; extern struct hash128 hash;
        enum status write_checkpoint(const char *path, struct hash128 *hash_out);"""),
    "src/driver/train/resume/save.h": ((), """
        extern struct session *s; extern double since_s; extern bool validated; extern int64_t steps;"""),
    "src/driver/train/session/session.h": (("driver/train/run/run_open.h", "driver/train/step/stage_open.h"), "extern struct session *s;"),
    "src/driver/train/step/stage_open.h": ((), "extern struct stage *stage; extern struct train_state state;"),
    "src/driver/train/tensorboard/tensorboard.h": ((), """
        extern struct tensorboard *tb; extern struct metrics_row row; extern int64_t step; extern const uint8_t *png;
        extern size_t n_bytes; extern int width, height;"""),
    "src/driver/train/step/ranks/vote.h": ((), """
        extern struct vote v; extern struct model_losses losses; extern struct comm *comm; extern enum status local_status;"""),
    "src/driver/train/session/walltime.h": ((), "extern struct walltime w; extern double now_s, max_minutes, save_s;"),
    "src/driver/train/session/worker.h": ((), """
        extern struct worker *w; extern struct { int n; } job; void write_it(void *ctx); void log_outcome(void *ctx);"""),
    "src/model/include/model/discriminators.h": ((), """
        extern struct model *m; extern struct batch batch; extern double global_batch, discriminator_lr;
        extern struct model_losses losses; extern struct model_step step; extern int64_t start, n;"""),
    "src/model/include/model/checkpoint.h": ((), """
        extern const struct model *m; extern struct checkpoint_facts facts; extern const char *path;
        extern struct hash128 hash;"""),
    "src/model/include/model/model.h": ((), """
        extern struct model *m; extern struct batch batch; extern double global_batch;
        extern struct model_losses losses;"""),
    "src/model/include/model/operations.h": ((), """
        extern struct operations_file *file; extern size_t n; extern float *pictures, *points, *presence;"""),
    "src/model/include/model/regressor.h": ((), """
        extern size_t n; extern const uint8_t *pictures, *picture; extern const double *numbers;
        extern const bool *sideways;"""),
    "src/model/weights/pickle.h": ((), """
        extern const uint8_t *bytes; extern size_t n, used; extern struct pickle *p; void take(uint32_t item);"""),
    "src/model/weights/weights.h": ((), "extern const char *path; extern struct weights *w; extern double *numbers;"),
}
EVERYWHERE = "extern struct errmsg em;\nextern enum status st;\n"


def comments(text):
    """(number of its first line, lines without the star) of each comment."""
    for found in re.finditer(r"/\*.*?\*/", text, re.S):
        lines = re.sub(r"^/\*|\*/$", "", found.group()).split("\n")
        yield text.count("\n", 0, found.start()) + 1, [lines[0]] + [re.sub(r"^\s*\*?", "", line, count=1) for line in lines[1:]]


def blocks(header):
    """(number of its first line, lines) of each indented block in the header's comments."""
    for first, lines in comments(header.read_text()):
        block = []
        for number, line in enumerate([*lines, ""], first):
            if re.match(r" {3}", line):
                block.append(line)
            elif block:
                yield number - len(block), block
                block = []


def is_code(block):
    return re.match(r" {5}\S", block[0]) and any(re.search(r"[;{}]$", line.split("//")[0].rstrip()) for line in block)


EXAMPLES = {f"{header.relative_to(ROOT)}:{number}": (header, block)
            for header in HEADERS for number, block in blocks(header) if is_code(block)}


def include_options(header):
    """Of the sources in the folder that is nearest to the header, from the build's compile commands."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    for folder in header.parents:
        options = {}
        for entry in commands:
            if folder in pathlib.Path(entry["file"]).parents:
                words = shlex.split(entry["command"])
                options |= dict.fromkeys(word for word in words if word.startswith("-I"))
                options |= dict.fromkeys(f"-isystem{words[i + 1]}" for i, word in enumerate(words) if word == "-isystem")
        if options:
            return list(options)
    raise AssertionError(f"no source beside {header}")


def as_program(header, block):
    includes, given = GIVEN.get(str(header.relative_to(ROOT)), ((), ""))
    lines = ["#include <math.h>", "#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>", "#include \"base/log.h\"",
             *(f'#include "{ROOT}/src/{name}"' for name in includes), f'#include "{header}"', EVERYWHERE, given,
             "enum status example(void);", "enum status example(void)", "{", *block, "return ST_OK;", "}", ""]
    return "\n".join(lines)


@pytest.mark.parametrize("place", EXAMPLES)
def test_an_example_compiles(place):
    header, block = EXAMPLES[place]
    if header.parent == ROOT / "src/video" and not (BUILD / "bifrons-video").exists():
        pytest.skip("this build has no bifrons-video: FFmpeg's libraries are missing")
    done = subprocess.run(["cc", "-x", "c", "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", *WARNINGS,
                           f"-I{header.parent}", f"-I{ROOT}/src/base/include", *include_options(header), "-"],
                          input=as_program(header, block), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{place} does not compile:\n{as_program(header, block)}\n{done.stderr}"


def test_no_call_hides_in_what_does_not_count_as_code():
    """A block that calls one of our functions is an example, and is to be written as one."""
    declared = {name for header in HEADERS
                for name in re.findall(r"\b(\w+_\w+)\(", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S))}
    hidden = [f"{header.relative_to(ROOT)}:{number}: {name}(" for header in HEADERS for number, block in blocks(header)
              if not is_code(block) for name in set(re.findall(r"\b(\w+)\(", "\n".join(block))) & declared]
    assert hidden == []


def test_what_is_given_is_used():
    assert set(GIVEN) <= {str(header.relative_to(ROOT)) for header, _ in EXAMPLES.values()}
    assert len(EXAMPLES) >= 35
