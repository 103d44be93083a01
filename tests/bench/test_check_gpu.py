"""scripts/check-gpu with stand-ins for programs: order, limits, results, table. What its checks find on a GPU is not
tested here."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/gpu"))
import battery  # noqa: E402
import checks  # noqa: E402
from battery import Battery, Check, Failed, NotRun  # noqa: E402

FOR_EVER = ("tail", "-f", "/dev/null")


def passes(bench):
    return bench.command("echo", "|a figure|").strip()


def fails(bench):
    raise Failed("two and two are five")


def ends_with_3(bench):
    bench.command("sh", "-c", "echo 'error: no such thing'; exit 3")


def crashes(bench):
    bench.command("sh", "-c", "kill -ABRT $$")


def is_surprised(bench):
    return {}["key"]


def cannot(bench):
    raise NotRun("a file is missing")


def hangs(bench, over=("deadline",)):
    """Its time is over as soon as its programs run."""
    pids = bench.folder / "pids"

    def started(process):
        if pids.exists() and len(pids.read_text().split()) == 2:
            for each in over:
                setattr(bench, each, time.monotonic())

    bench.command("sh", "-c", f"{' '.join(FOR_EVER)} & echo $$ $! >{pids}; wait", while_running=started)


def hangs_at_the_end(bench):
    hangs(bench, over=("deadline", "until"))


def run(folder, *functions, gpus=0, **options):
    """Results by name, in the order in which they came."""
    bench = Battery(folder, gpus=gpus, say=lambda line: None, **options)
    good = bench.run([Check(each.__name__, f"what {each.__name__} does", 60, each) for each in functions])
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert [(row["result"], row["figure"]) for row in rows] == [(r, f) for _, r, f, _ in bench.results]
    return good, {row["check"]: (row["result"], row["figure"]) for row in rows}, list(bench.table())


def test_it_goes_on_after_a_failed_check_and_keeps_every_result(tmp_path):
    functions = (fails, ends_with_3, crashes, is_surprised, cannot, passes)
    good, results, table = run(tmp_path, *functions)
    assert not good
    assert list(results) == [each.__name__ for each in functions]
    assert results["fails"] == ("FAILED", "two and two are five")
    assert results["ends_with_3"] == ("FAILED", "sh ended with status 3: error: no such thing")
    assert results["crashes"][1].startswith("sh ended with signal 6 (SIGABRT)")
    assert results["is_surprised"] == ("FAILED", "KeyError: 'key'")
    assert results["cannot"] == ("not run", "a file is missing")
    assert results["passes"] == ("passed", "|a figure|")
    assert len(table) == 2 + len(functions) and table[-1].startswith("| what passes does | passed | /a figure/ | ")
    assert "two and two" not in (tmp_path / "passes.log").read_text()
    assert "no such thing" in (tmp_path / "ends_with_3.log").read_text()


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    good, results, _ = run(tmp_path, hangs, passes, minutes=60)
    assert not good and results["hangs"] == ("FAILED", "not done within 60 s")
    assert results["passes"][0] == "passed"
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2 and not any(map(battery.alive, map(int, pids)))


def test_when_the_minutes_are_over_nothing_has_failed(tmp_path):
    good, results, _ = run(tmp_path, passes, hangs_at_the_end, fails, minutes=60)
    assert good
    assert results["passes"][0] == "passed"
    result, figure = results["hangs_at_the_end"]
    assert result == "not run" and figure.startswith("no time left after ")
    assert results["fails"] == ("not run", "no time left")


def test_a_check_for_more_gpus_than_there_are_is_not_run(tmp_path):
    bench = Battery(tmp_path, gpus=1, say=lambda line: None)
    checks = [Check(f"on-{n}", "", 60, passes, n) for n in (0, 1, 2)]
    assert bench.run(checks)
    assert [(result, figure) for _, result, figure, _ in bench.results][1:] == [
        ("passed", "|a figure|"), ("not run", "needs 2 GPUs, 1 here")]


def test_a_program_may_say_more_than_its_json():
    assert checks.told('warning: {slow}\n{"a": {"b": 1}}\nended\n') == {"a": {"b": 1}}
    with pytest.raises(Failed, match="it told no JSON: error: no such file"):
        checks.told("error: no such file\n")


def test_after_an_interrupt_the_rest_is_listed_as_not_run(tmp_path):
    def interrupted(bench):
        bench.command(*FOR_EVER, while_running=lambda process: signal.raise_signal(signal.SIGINT))

    _, results, table = run(tmp_path, interrupted, passes)
    assert set(results.values()) == {("not run", "interrupted")} and len(table) == 4


def test_drawing_sets_takes_nothing_of_the_time_of_a_check(tmp_path):
    class OnPaper(checks.Bench):
        def command(self, program, verb, *words):
            assert self.deadline - time.monotonic() > 200  # its own limit, not the check's
            if verb == "pack":
                pathlib.Path(words[2]).touch()

    def draws(bench):
        one = bench.sets(64)
        assert bench.sets(64) == one and all(path.exists() for path in one)
        return f"{bench.deadline - time.monotonic():.0f}"

    bench = OnPaper(tmp_path / "out", tmp_path, "cpu", say=lambda line: None)
    bench.run([Check("draws", "", 60, draws)])
    assert bench.results[0][1] == "passed" and 40 < float(bench.results[0][2]) <= 60, bench.results


@pytest.mark.parametrize("over, result, figure", [
    (False, "FAILED", "80 + 80 pictures of 64 px were not drawn within 300 s"), (True, "not run", "no time left after 0 s")])
def test_drawing_that_takes_too_long_is_told(tmp_path, over, result, figure):
    class Slow(checks.Bench):
        def command(self, *words):
            self.until = time.monotonic() if over else self.until
            raise battery.OverTime

    bench = Slow(tmp_path / "out", tmp_path, "cpu", say=lambda line: None)
    bench.run([Check("draws", "", 0, lambda bench: bench.sets(64))])  # its own limit is over, too
    assert bench.results[0][1:3] == (result, figure)


class OnPaper(checks.Bench):
    """Its runs are traced as `rows` says: {kind and name: (count, ns)} after so many steps."""

    def __init__(self, folder, rows, says=""):
        (folder / "build/bench").mkdir(parents=True)
        (folder / "build/bench/libkernel_table.so").touch()
        super().__init__(folder / "out", folder / "build", "cuda", gpus=1, say=lambda line: None)
        self.traced, self.says = rows, says

    def train_words(self, *arguments, steps, **options):
        return None, [steps]

    def command(self, steps, env):
        pathlib.Path(env["KERNEL_TABLE"]).write_text("".join(
            f"{key.split()[0]}\t{count}\t{ns:.0f}\t{key.partition(chr(9))[2]}\n"
            for key, (count, ns) in self.traced(steps).items()))
        return self.says


def test_the_kernels_of_a_step_are_the_difference_of_two_runs(tmp_path):
    bench = OnPaper(tmp_path, lambda steps: {
        "kernel\tgemm": (10 + 3 * steps, 5e6 + 2e3 * steps), "kernel\tonce": (1, 9e9),
        "copy\thost to device": (steps, 1e3 * steps), "call\tcudaEventSynchronize_v3020": (2 * steps, 0)})
    assert bench.run([Check("kernels", "", 60, checks.kernels, 1)]), bench.results
    assert bench.results[0][2] == ("a step: 3 kernels in 0.00 ms, 1 copies in 0.00 ms, 2 host waits of 0.00 ms "
                                   "(kernels.md)")
    assert "| kernel | 3.0 | 2.0 | gemm |" in (tmp_path / "out/kernels.md").read_text()
    assert "once" not in (tmp_path / "out/kernels.md").read_text()


def test_a_tracer_that_is_refused_has_not_passed(tmp_path):
    bench = OnPaper(tmp_path, lambda steps: {}, says="kernel_table: CUPTI refuses: error 999\n20 steps in 1 s\n")
    assert not bench.run([Check("kernels", "", 60, checks.kernels, 1)])
    assert bench.results[0][2] == "no kernel was traced: kernel_table: CUPTI refuses: error 999"


# ---- The program itself, on a stand-in for bifrons ---------------------------------------------------

@pytest.fixture
def build(tmp_path):
    """A folder of programs: bifrons answers, and ends every run with an error."""
    program = tmp_path / "build/bifrons"
    program.parent.mkdir()
    program.write_text(textwrap.dedent("""\
        #!/bin/sh
        case $1 in
        info) printf 'torch  9.9\\nmpi  none\\nnccl  none\\ncuda  no: a stand-in\\ncuda_devices  0\\n' ;;
        synth | pack) ;;
        *) echo 'error: stand-in: I cannot train' && exit 70 ;;
        esac
        """))
    program.chmod(0o755)
    return program.parent


def check_gpu(*arguments):
    return subprocess.run([sys.executable, ROOT / "scripts/check-gpu", *map(str, arguments)], capture_output=True,
                          text=True, timeout=120)


def test_on_a_cpu_it_says_what_remains_unverified(build, tmp_path):
    done = check_gpu("--build", build, "--out", tmp_path / "out", "--only", "nccl,info,tests,resume")
    assert done.returncode == 1, done.stderr
    lines = (tmp_path / "out/table.md").read_text().splitlines()  # in the battery's order
    assert [line.split(" | ")[1] for line in lines[2:]] == ["passed", "not run", "FAILED", "not run"]
    assert "torch 9.9" in lines[2] and "I cannot train" in lines[4] and "needs 1 GPU" in lines[5]
    assert "UNVERIFIED, because they need more GPUs (0 here): NCCL on every GPU." in done.stdout
    assert re.search(r"^1 passed, 1 failed, 2 not run", done.stdout, re.M)


def test_the_list_is_the_battery_in_order():
    names = [line.split()[0] for line in check_gpu("--list").stdout.splitlines()]
    assert names[:4] == ["info", "tests", "cpu-gpu", "graph"] and len(set(names)) == len(names) > 20
    assert check_gpu("--list", "--only", "nccl,info").stdout.split()[0] == "info"


@pytest.mark.parametrize("arguments, code, said", [
    (["--only", "info,nonsense"], 64, "--only nonsense: there is no such check: info, "),
    (["--minutes", "0"], 64, "--minutes 0: give a number above 0"),
    (["--minutes", "soon"], 64, "soon"),
    (["--out", "docs"], 64, "--out docs: has other files: name a new folder"),
    (["--build", "build/none"], 69, "build/none/bifrons is not there: run scripts/build first"),
])
def test_bad_usage(arguments, code, said):
    done = check_gpu(*arguments)
    assert done.returncode == code and said in done.stderr and not done.stdout


def test_an_info_that_fails_is_told(build, tmp_path):
    program = build / "bifrons"
    program.write_text(program.read_text().replace("info)", "other)"))
    done = check_gpu("--build", build, "--out", tmp_path / "out", "--only", "nccl")
    assert done.returncode == 0 and "0 passed, 0 failed, 1 not run" in done.stdout
    assert "bifrons info ended with status 70: error: stand-in: I cannot train" in done.stderr


def test_a_gpu_that_is_asked_for_and_missing_is_refused(build):
    done = check_gpu("--build", build, "--device", "cuda")
    assert done.returncode == 69 and "finds no GPU" in done.stderr


def test_the_minutes_given_are_the_limit(tmp_path):
    began = time.monotonic()
    bench = Battery(tmp_path, minutes=2, say=lambda line: None)
    assert 110 < bench.until - began < 130 and Battery(tmp_path).until == float("inf")
    bench.run([Check("short", "", 5, lambda bench: f"{bench.deadline - time.monotonic():.0f}")])
    assert float(bench.results[0][2]) <= 5
    bench.patience = 4
    bench.run([Check("patient", "", 1e6, lambda bench: f"{bench.deadline - bench.until:.0f}"),
               Check("short", "", 5, lambda bench: f"{(bench.deadline - time.monotonic()) / 4:.0f}")])
    assert float(bench.results[1][2]) == 0 and float(bench.results[2][2]) <= 5
