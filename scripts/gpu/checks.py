"""The checks of scripts/check-gpu, the most important first, and what they share: drawn sets and short runs."""

import array
import contextlib
import dataclasses
import itertools
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import struct
import time
import zipfile

from battery import Battery, Check, Failed, NotRun, OverTime, measure

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv/bin/python"
CLUSTER = ROOT / "configs/clusters/gpu8x80.toml"
LIGHT, DEBUG, RECIPE = "configs/light128.toml", "configs/debug.toml", "configs/recipe.toml"
CPU_MODEL = ["model.width=16", "model.width_max=32", "train.threads=1"]  # no check measures speed on a CPU
DETERMINISTIC = ["train.deterministic=true"]
VALIDATED = ["data.val_fraction=0.1"]  # else runs do without: some of them have an epoch every other step
PLAIN = ["data.masks=false", *(f"augment.{key}=0" for key in (
    "flip", "rotate_deg", "zoom", "shift", "warp", "colour_transfer", "surroundings", "colour_jitter",
    "back_translation"))]  # the work of bench/compare
DRAW_LIMIT_S = 300
# A GPU and a CPU add sums in different orders. In fp32 without TF32, the losses of 20 steps of the light
# model differed in the seventh digit (one H200). A wrong kernel gives a far larger difference.
AGREES = 1e-3


@dataclasses.dataclass
class Run:
    out: pathlib.Path
    rows: list  # of training, a row a step
    output: str

    def losses(self):
        return [row["loss"]["total"] for row in self.rows]

    def step_ms(self):
        """The median without the first half, in which kernels are chosen and graphs recorded."""
        return statistics.median(row["step_ms"] for row in self.rows[len(self.rows) // 2:])

    def gib(self):
        told = re.findall(r"  ([0-9.]+) GiB(?:  |\n)", self.output)
        return max(map(float, told), default=float("nan"))

    def tensors(self):
        """The bytes of every tensor of the newest checkpoint."""
        newest = max((self.out / "checkpoints").glob("step-*.pt"))
        with zipfile.ZipFile(newest) as archive:
            return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()
                    if "/data/" in name}


class Bench(Battery):
    """A battery that trains."""

    def __init__(self, folder, build, device, **options):
        super().__init__(folder, **options)
        self.build, self.device, self.numbers = pathlib.Path(build), device, itertools.count(1)
        self.program = self.build / "bifrons"
        for run in self.folder.glob("run-*"):  # of an earlier call
            shutil.rmtree(run)

    def sets(self, size, count=80):
        """The sets of A and B, drawn at the first call. The time for it does not count as the check's."""
        paths = [self.folder / f"{person}-{size}-{count}.h5" for person in "ab"]
        if not paths[1].exists():
            began, left = time.monotonic(), self.deadline - time.monotonic()
            limit_s = DRAW_LIMIT_S * self.patience
            self.deadline = min(began + limit_s, self.until)
            drawn = self.folder / f"drawn-{size}-{count}"
            try:
                self.command(self.program, "synth", drawn, "--count", count, "--size", size)
                for person, path in zip("ab", paths):
                    self.command(self.program, "pack", drawn / f"person_{person}", "-o", path, "--size", size)
            except OverTime:
                if time.monotonic() >= self.until:
                    raise
                raise Failed(f"{count} + {count} pictures of {size} px were not drawn within {limit_s:g} s") from None
            self.deadline = min(time.monotonic() + left, self.until)
        return paths

    def train_words(self, keys=(), config=DEBUG, size=64, count=80, steps=20, out=None, device=None,
                    ranks=1, more=("--resume", "none")):
        """The folder of a run, and the command line that trains it."""
        a, b = self.sets(size, count)
        out = out or self.folder / f"run-{self.current.name}-{next(self.numbers)}"
        keys = [f"data.a={a}", f"data.b={b}", f"model.image_size={size}", "train.epochs=100000",
                f"train.max_steps={steps}", f"train.device={device or self.device}",
                "train.timeout_s=120", "checkpoint.every_minutes=0", "data.val_fraction=0", "guard.patience=1000000",
                "log.every_steps=1", "log.every_s=0.1", "log.preview_epochs=0", "log.tensorboard=false", "log.report=false",
                *(CPU_MODEL if self.device == "cpu" else []), *keys]
        launcher = ["--ranks", ranks] if ranks > 1 else []
        sets = itertools.chain.from_iterable(("--set", key) for key in keys)
        return out, [self.program, "train", ROOT / config, *launcher, "--out", out, *more, *sets]

    def train(self, *arguments, status=0, while_running=None, **options):
        out, words = self.train_words(*arguments, **options)
        output = self.command(*words, status=status, while_running=while_running)
        rows = measure.rows_of(out / "metrics.jsonl")
        bad = [row["step"] for row in rows if not math.isfinite(row["loss"]["total"] or math.nan)
               or row.get("skipped")]
        if bad or not rows:
            raise Failed(f"{out.name}: " + (f"step {bad[0]} was skipped" if bad else "it made no step"))
        return Run(out, rows, output)


def told(output):
    """The JSON object of a program's output. Messages may stand before and after it."""
    begins = re.search(r"^\{", output, re.MULTILINE)
    if not begins:
        raise Failed(f"it told no JSON: {measure.reason_of(output)}")
    return json.JSONDecoder().raw_decode(output, begins.start())[0]


# ---- What is compared ----------------------------------------------------------------------------

def difference(one, other):
    """The largest relative difference of the losses of two runs."""
    pairs = list(zip(one.losses(), other.losses(), strict=True))
    return max(abs(a - b) / max(abs(a), abs(b)) for a, b in pairs)


def agree(bench, keys, **options):
    """Trains on the CPU and on the GPU, from the same weights on the same pictures."""
    keys = [*DETERMINISTIC, "train.cuda_graph=false", *keys]
    worst = difference(bench.train(keys, device="cpu", **options), bench.train(keys, **options))
    if not worst <= AGREES:
        raise Failed(f"losses differ by {worst:.1e} of their size, {AGREES:g} is allowed")
    return f"losses differ by {worst:.1e}"


def same_bits(one, other):
    if one.losses() != other.losses():
        step = next(row["step"] for row, loss in zip(one.rows, other.losses())
                    if row["loss"]["total"] != loss)
        raise Failed(f"the losses differ from step {step} on")
    a, b = one.tensors(), other.tensors()
    wrong = [name for name in a if a[name] != b.get(name)]
    if wrong or a.keys() != b.keys():
        raise Failed(f"{len(wrong)} of {len(a)} tensors of the checkpoints differ")
    return f"{len(one.rows)} losses and {len(a)} tensors are the same bits"


def graph_and_eager(bench, keys, **options):
    keys = [*DETERMINISTIC, *keys]
    return same_bits(bench.train([*keys, "train.cuda_graph=false"], **options),
                     bench.train([*keys, "train.cuda_graph=true"], **options))


def vgg_file(bench):
    """VGG16 with random weights, as a .safetensors file. They are enough to compare CPU and GPU."""
    path, tensors, pause = bench.folder / "vgg16.safetensors", [], (64, 128, 256)
    block = array.array("f", map(random.Random(1).gauss, [0.0] * 65521, [1.0] * 65521))
    at, before, header, data = 0, 3, {}, bytearray()
    for width in (64, 64, 128, 128, 256, 256, 256, 512, 512, 512):
        at += 1 if before in pause and width != before else 0  # a pooling layer
        tensors += [(f"features.{at}.weight", [width, before, 3, 3], (2 / before / 9) ** 0.5),
                    (f"features.{at}.bias", [width], 0.1)]
        at, before = at + 2, width
    for name, shape, scale in tensors:
        scaled = array.array("f", (value * scale for value in block))
        need = math.prod(shape)
        raw = (scaled * (need // len(scaled) + 1))[:need].tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


# ---- The checks ----------------------------------------------------------------------------------

def info(bench):
    facts = dict(line.split(None, 1) for line in bench.command(bench.program, "info").splitlines()
                 if len(line.split(None, 1)) == 2)
    cuda = facts.get("cuda", "?")
    if bench.device == "cuda" and not re.match(r"yes, \d", cuda):
        raise Failed(f"cuda: {cuda}")
    return f"torch {facts.get('torch')}, nccl {facts.get('nccl')}, {facts.get('mpi')}, cuda: {cuda}"


def c_tests(bench):
    """Runs all of them, also after one that failed. A test that a signal ended runs again, with a backtrace in the
    log: libtorch 2.11.0 once ended a program with "free(): invalid pointer" instead of an exception."""
    programs = sorted((bench.build / "tests").glob("test_shim_*")) + sorted(
        (bench.build / "tests").glob("test_model_*"))
    if not programs:
        raise NotRun(f"{bench.build / 'tests'} has no tests: build them")
    passed, failures = 0, []
    alone = {"OMP_NUM_THREADS": "1"}
    for program in programs:
        try:
            output = bench.command(program, env=alone)
            passed += sum(map(int, re.findall(r"PASSED  \] (\d+) test", output)))
        except Failed as failure:
            failures.append(str(failure))
            if "signal" in failures[-1]:
                with contextlib.suppress(Failed):
                    bench.command(program, env={**alone, "LD_PRELOAD": str(bench.build / "bench/libbacktrace.so")})
    if failures:
        raise Failed("; ".join(failures))
    return f"{passed} tests in {len(programs)} programs"


def resumed(bench):
    keys = [*DETERMINISTIC, *VALIDATED, "checkpoint.every_steps=10"]
    whole = bench.train(keys)
    half = bench.train(keys, steps=10)
    rest = bench.train(keys, out=half.out, more=("--resume", "auto"))
    return same_bits(whole, rest)


def nccl(bench):
    keys = ["comm.backend=nccl", "train.deterministic=true", f"train.global_batch={8 * bench.gpus}"]
    many = bench.train(keys, ranks=bench.gpus, config=LIGHT, size=128)
    one = bench.train([*keys, f"train.accumulate={bench.gpus}", "comm.backend=auto"], config=LIGHT, size=128)
    worst = difference(one, many)
    if not worst <= AGREES:
        raise Failed(f"losses of {bench.gpus} ranks and of one differ by {worst:.1e}")
    return f"{bench.gpus} rank{'s' * (bench.gpus > 1)}, losses differ by {worst:.1e} from one rank's"


def small_buckets(bench):
    """Two ranks, on one GPU if there is one only, without a graph: a bucket is sent while backward still fills others, and
    must wait for the streams of both decoders."""
    keys = [*DETERMINISTIC, "train.cuda_graph=false", "train.global_batch=16"]
    many = bench.train([*keys, "comm.bucket_mb=0.25", "train.replica_check_steps=1"], ranks=2, config=LIGHT, size=128)
    one = bench.train([*keys, "train.accumulate=2"], config=LIGHT, size=128)
    worst = difference(one, many)
    if not worst <= AGREES:
        raise Failed(f"losses of 2 ranks with small buckets and of one rank differ by {worst:.1e}")
    return f"losses differ by {worst:.1e} from one rank's"


def optimizer(bench):
    keys = ["train.clip_norm=0.05", "train.ema=0.99", "train.weight_decay=0.01", "train.zero=1",
            "train.schedule=cosine"]
    if bench.device == "cpu":
        return f"last loss {bench.train(keys).losses()[-1]:.4f}"
    return agree(bench, keys)


def codes_under_graph(bench):
    return graph_and_eager(bench, ["train.global_batch=8", "train.precision=bf16"], config=RECIPE, size=128)


def adversarial(bench):
    return agree(bench, ["loss.adversarial=0.1"])


def perceptual(bench):
    return agree(bench, ["loss.perceptual=0.1", f"loss.perceptual_weights={vgg_file(bench)}"], steps=6)


def recompute(bench):
    keys = [*DETERMINISTIC, "train.cuda_graph=false"]
    return same_bits(bench.train(keys), bench.train([*keys, "train.recompute=true"]))


def large(bench):
    lines = []
    for name, size, batch in (("prod256", 256, 16), ("prod512", 512, 8)):
        run = bench.train([f"train.global_batch={batch}"], config=f"configs/{name}.toml", size=size,
                          count=24, steps=12)
        lines.append(f"{name}, {batch} + {batch}: {run.step_ms():.1f} ms, {run.gib():.1f} GiB")
    return "; ".join(lines)


def memory(bench):
    """The peak memory of tensors, against the prediction of bifrons plan."""
    lines, wrong = [], False
    for config, size, batch in ((LIGHT, 128, 64), ("configs/prod256.toml", 256, 16)):
        keys = [f"model.image_size={size}", f"train.global_batch={batch}", "train.precision=bf16"]
        run = bench.train([*keys, "train.cuda_graph=false"], config=config, size=size, steps=8)
        words = itertools.chain.from_iterable(("--set", key) for key in keys)
        plan = told(bench.command(bench.program, "plan", ROOT / config, "--cluster", CLUSTER, "--ranks", 1, "--json",
                                  *words))["memory"]["bf16"]
        planned = (plan["total"] - plan["reserved"]) / 2**30
        lines.append(f"{pathlib.Path(config).stem} {batch} + {batch}: planned {planned:.1f}, "
                     f"measured {run.gib():.1f} GiB")
        wrong |= not 0.5 * planned <= run.gib() <= 1.25 * planned
    if wrong:
        raise Failed("; ".join(lines))
    return "; ".join(lines)


OCCUPY_MEMORY = """
import subprocess, sys, torch
free, _ = torch.cuda.mem_get_info()
hog = torch.empty(max(free - int(float(sys.argv[1]) * 2**30), 0), dtype=torch.uint8, device="cuda")
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""


def out_of_memory(bench):
    """Another program holds all but 3 GiB of the GPU, so that --find-batch runs out of memory soon."""
    words = bench.train_words(["train.cuda_graph=false"], config=LIGHT, size=128, count=320, steps=0,
                              more=("--find-batch", "--json"))[1]
    libraries = f"LD_LIBRARY_PATH={os.environ.get('LD_LIBRARY_PATH', '')}"  # an archive's Python goes without them
    found = told(bench.command(PYTHON, "-c", OCCUPY_MEMORY, "3", "env", libraries, *words))
    if found["ended"] != "out of memory":
        raise NotRun(f"it ended before memory did: {found['ended']}")
    return f"{found['trials'][-1]['pairs']} + {found['trials'][-1]['pairs']} fit; suggested {found['suggestion']}"


def beside_pytorch(batch, eager):
    peer = "channels last, joined" + ("" if eager else ", compile reduce overhead")
    def check(bench):
        report = bench.folder / f"{bench.current.name}.md"
        bench.command(ROOT / "bench/compare", "--device", bench.device, "--ranks", 1, "--batch", batch,
                      "--pictures", 4 * batch, "--rounds", 2, "--steps", 60, "--threads", 4, "--peer", peer,
                      *(["--eager"] if eager else []), "--build", bench.build, "--markdown", report)
        rows = [line.strip("| ").split(" | ") for line in report.read_text().splitlines()
                if line.startswith("| images/s, of the median step")]
        if len(rows) != 2:
            raise Failed(f"{report.name} has {len(rows)} rows of images/s instead of 2")
        return "; ".join(f"{precision}: {row[1].split()[0]} images/s, {row[3].split()[0]} times PyTorch's"
                         for precision, row in zip(("fp32", "bf16"), rows))
    return check


def plan(bench):
    words = ["--device", "cuda", "--cluster", CLUSTER, "--write", bench.folder / "cluster.toml"] \
        if bench.device == "cuda" else ["--quick"]
    output = bench.command(ROOT / "bench/plan", *words, "--rounds", 1, "--build", bench.build)
    return output.strip().splitlines()[-1]


def kernel_table(path):
    """{(kind, name): (count, nanoseconds)} of what bench/kernel_table.c wrote."""
    rows = (line.split("\t", 3) for line in path.read_text().splitlines())
    return {(kind, name): (int(count), int(ns)) for kind, count, ns, name in rows}


WAITS = ("cudaStreamSynchronize", "cudaEventSynchronize", "cudaDeviceSynchronize")


def kernels(bench):
    """Kernels, copies and waits of one step: a long run's minus a short run's, divided by the steps between."""
    tracer = bench.build / "bench/libkernel_table.so"
    if not tracer.exists():
        raise NotRun(f"{tracer} is not built: this build has no CUDA, or CUPTI's header was missing")
    tables, steps = [], (20, 60)
    for n in steps:
        path = bench.folder / f"kernels-{n}.tsv"
        words = bench.train_words([*PLAIN, "train.cuda_graph=false", "train.global_batch=16"], config=LIGHT, size=128,
                                  steps=n)[1]
        output = bench.command(*words, env={"LD_PRELOAD": str(tracer), "KERNEL_TABLE": str(path)})
        if not path.exists() or not any(line.startswith("kernel\t") for line in path.read_text().splitlines()):
            why = re.search(r"kernel_table: .*", output)
            raise Failed(f"no kernel was traced: {why[0] if why else 'see the log'}")
        tables.append(kernel_table(path))
    more = steps[1] - steps[0]
    each = {key: ((count - tables[0].get(key, (0, 0))[0]) / more, (ns - tables[0].get(key, (0, 0))[1]) / more / 1e3)
            for key, (count, ns) in tables[1].items()}
    lines = [f"| {kind} | {count:.1f} | {us:.1f} | {name} |" for (kind, name), (count, us)
             in sorted(each.items(), key=lambda item: -item[1][1]) if count > 0.01]
    table = bench.folder / "kernels.md"
    table.write_text("\n".join(["| kind | a step | us a step | name |", "| --- | --- | --- | --- |", *lines]) + "\n")

    def of(kind, test=lambda name: True):
        return [sum(value) for value in zip((0, 0), *(v for (k, name), v in each.items() if k == kind and test(name)))]

    launched, copied = of("kernel"), of("copy")
    waits = of("call", lambda name: name.partition("_")[0] in WAITS)
    lost = sum(count for (kind, _), (count, _) in tables[1].items() if kind == "lost")
    if lost:
        raise Failed(f"{lost} records were lost: NAMES_MAX in bench/kernel_table.c is too small")
    return (f"a step: {launched[0]:.0f} kernels in {launched[1] / 1e3:.2f} ms, {copied[0]:.0f} copies in "
            f"{copied[1] / 1e3:.2f} ms, {waits[0]:.0f} host waits of {waits[1] / 1e3:.2f} ms ({table.name})")


def prod256(bench):
    """Trains for two and a half minutes, then compares swaps with the true swaps."""
    options = {"config": "configs/prod256.toml", "size": 256, "count": 300}
    keys = [*VALIDATED, "train.global_batch=16", "checkpoint.every_steps=100000"]
    steps = int(150e3 / bench.train(keys, steps=24, **options).step_ms())
    run = bench.train(keys, steps=steps, **options)
    measured = told(bench.command(bench.program, "eval", run.out / "checkpoints/latest.pt", "--device", bench.device,
                                  "--json"))
    swap, unchanged = ([measured[way][what]["l1"] for way in ("a2b", "b2a")] for what in ("swap", "unchanged"))
    figure = (f"{steps} steps of {run.step_ms():.1f} ms; swap L1 {swap[0]:.3f} and {swap[1]:.3f}, left as it "
              f"is {unchanged[0]:.3f} and {unchanged[1]:.3f}")
    if any(s > u / 2 for s, u in zip(swap, unchanged)):
        raise Failed(figure)
    return figure


def scaling(bench):
    def speed(ranks, batch):
        run = bench.train([f"train.global_batch={batch}", "train.precision=bf16"], ranks=ranks, config=LIGHT,
                          size=128, count=600, steps=60)
        return 2e3 * batch / run.step_ms()
    one, n = speed(1, 64), bench.gpus
    weak, strong = speed(n, 64 * n) / one / n, speed(n, 64) / one
    figure = f"{n} GPUs: weak {weak:.2f}; 64 + 64 pictures in all {strong:.2f} times one GPU's speed"
    if weak < 0.5:
        raise Failed(figure)
    return figure


def overlap(bench):
    """The share of a step that waits for gradient sums: summed during backward (eager), or after the graph."""
    shares = []
    for graph in ("false", "true"):
        run = bench.train([f"train.cuda_graph={graph}", f"train.global_batch={64 * bench.gpus}"],
                          ranks=bench.gpus, config=LIGHT, size=128, count=600, steps=40)
        rows = run.rows[len(run.rows) // 2:]
        share = statistics.median(row["sum_wait_ms"] / row["step_ms"] for row in rows)
        shares.append(f"{'graph' if graph == 'true' else 'eager'}: {100 * share:.1f} % of a step waits for sums")
    return "; ".join(shares)


def link(bench):
    """The time that the sum of two ranks' gradients adds to a step, and the least rate of the link that follows."""
    keys = ["train.cuda_graph=true", "train.global_batch=2", "train.precision=bf16"]
    run = bench.train(keys, ranks=2, config=LIGHT, size=128, steps=60)
    wait = statistics.median(row["sum_wait_ms"] for row in run.rows[30:])
    layers = told(bench.command(bench.program, "plan", ROOT / LIGHT, "--json"))
    size = layers["memory"]["fp32"]["gradients"]
    return f"{size / 2**20:.0f} MiB in {wait:.2f} ms: {size / max(wait, 1e-3) / 1e6:.1f} GB/s at least"


def killed_rank(bench):
    """Kills one rank during training. The others end by themselves, and the run is resumed."""
    ranks, killed = max(bench.gpus, 2), []
    keys = ["checkpoint.every_steps=5", "train.global_batch=12"]
    out, words = bench.train_words(keys, ranks=ranks, steps=100000)

    def kill(process):
        if killed or not (out / "checkpoints/latest.pt").exists():  # on a GPU, steps are faster than the saver
            return
        engines = [pid for pid in measure.descendants(process.pid) if is_rank(pid)]
        if len(engines) < ranks:
            raise Failed(f"{len(engines)} of {ranks} ranks were found")
        killed.append(engines[-1])
        os.kill(killed[0], signal.SIGKILL)

    bench.command(*words, status=75, while_running=kill)
    last = measure.rows_of(out / "metrics.jsonl")[-1]["step"]
    rest = bench.train(keys, ranks=ranks, out=out, steps=last + 5, more=("--resume", "auto"))
    return f"{ranks} ranks: status 75 after step {last}, went on to step {rest.rows[-1]['step']}"


def is_rank(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("bifrons-engine")
    except OSError:
        return False


CHECKS = (
    Check("info", "what the program finds", 30, info),
    Check("tests", "C tests of shim and layers", 120, c_tests),
    Check("cpu-gpu", "20 steps on the CPU and on the GPU", 60, lambda bench: agree(bench, []), 1),
    Check("graph", "graph against eager, bit for bit", 60, lambda bench: graph_and_eager(bench, []), 1),
    Check("resume", "resumed against not interrupted, bit for bit", 60, resumed),
    Check("nccl", "NCCL on every GPU", 90, nccl, 1),
    Check("buckets", "two ranks with small buckets, eager", 90, small_buckets),
    Check("optimizer", "clipping, average, AdamW, ZeRO", 60, optimizer),
    Check("codes", "mean codes and pose codes under a graph", 90, codes_under_graph, 1),
    Check("adversarial", "adversarial loss, CPU and GPU", 90, adversarial, 1),
    Check("perceptual", "perceptual loss, CPU and GPU", 90, perceptual, 1),
    Check("recompute", "recompute against kept, bit for bit", 60, recompute),
    Check("large", "256 and 512 px", 120, large, 1),
    Check("memory", "memory against bifrons plan", 60, memory, 1),
    Check("out-of-memory", "--find-batch where memory ends", 90, out_of_memory, 1),
    Check("compare-16-eager", "beside PyTorch, 16 + 16, eager", 120, beside_pytorch(16, True), 1),
    Check("kernels", "kernels of an eager step", 60, kernels, 1),
    Check("compare-16", "beside PyTorch, 16 + 16, graphs", 240, beside_pytorch(16, False), 1),
    Check("compare-64-eager", "beside PyTorch, 64 + 64, eager", 120, beside_pytorch(64, True), 1),
    Check("compare-64", "beside PyTorch, 64 + 64, graphs", 240, beside_pytorch(64, False), 1),
    Check("plan", "bench/plan", 240, plan),
    Check("prod256", "prod256 trained for minutes, against the true swap", 300, prod256, 1),
    Check("scaling", "weak and strong scaling", 180, scaling, 2),
    Check("overlap", "sums during backward", 90, overlap, 2),
    Check("link", "sums between two GPUs", 60, link, 2),
    Check("killed-rank", "a killed rank, and going on", 120, killed_rank),
)
