"""What a benchmark lacks is told before it begins, in one message, with the command that brings it."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "bench").iterdir()
                 if path.is_file() and os.access(path, os.X_OK) and path.read_text().startswith("#!/usr/bin/env python3")
                 and path.suffix == "")
PROGRAMS = ["bifrons", "bifrons-engine", "bench/bench_allreduce"]
ARGUMENTS = {"follows": ["best.pt", "sheet.png"], "measures": ["best.pt"], "photographs": ["rendered"],
             "photographs-speed": ["holiday"]}  # of programs that take some
NEEDS_MODULES = {"compare": "torch, h5py, numpy", "allreduce": "torch", "other_faces": "numpy, PIL", "follows": "PIL"}
ANY_PYTHON = ["other_faces", "follows"]  # work by any Python that has the modules, as the one of this test


@pytest.fixture
def tree(tmp_path):
    """A source tree as `scripts/setup --minimal` and a whole build leave it, but for torch; nothing in it works."""
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "tests/cli").mkdir(parents=True)
    shutil.copy(ROOT / "tests/cli/other_faces.py", tmp_path / "tests/cli")
    for name in [*(f"build/release/{name}" for name in PROGRAMS), "demo/data/a.h5", "demo/data/b.h5"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def told(tree, script, *arguments, status=1, **environment):
    done = subprocess.run([sys.executable, tree / "bench" / script, *arguments], capture_output=True, text=True,
                          timeout=60, env={**os.environ, **environment})
    assert done.returncode == status and done.stdout == "", done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """A Python of its own without any packages."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    return folder


def test_all_benchmarks_are_looked_at():
    assert set(NEEDS_MODULES) < set(SCRIPTS) and "recipe" in SCRIPTS and len(SCRIPTS) >= 7


@pytest.mark.parametrize("script", SCRIPTS)
def test_programs_that_are_not_built_are_named(tree, script, venv):
    shutil.rmtree(tree / "build")
    (tree / ".venv").symlink_to(venv)
    message = told(tree, script, *ARGUMENTS.get(script, []))
    assert message.count("\n") == 1 and message.startswith(f"bench/{script}: ")
    assert "build/release/" in message and message.endswith("scripts/build first\n")
    other = told(tree, script, *ARGUMENTS.get(script, []), "--build", "build/dev")
    assert "build/dev/" in other and other.endswith("scripts/build dev first\n")


def test_a_build_without_its_worker_is_whole_again_by_the_same_command(tree, venv):
    """scripts/demo builds two programs of three."""
    (tree / "build/release/bench/bench_allreduce").unlink()
    (tree / ".venv").symlink_to(venv)
    assert "build/release/bench/bench_allreduce is not built" in told(tree, "allreduce")
    assert told(tree, "plan").endswith("bench_allreduce is not built: run scripts/build first\n")


@pytest.mark.parametrize("script", NEEDS_MODULES)
def test_python_that_is_not_there_is_named(tree, script, venv):
    if script not in ANY_PYTHON:
        assert told(tree, script) == (f"bench/{script}: .venv/bin/python with {NEEDS_MODULES[script]} is not there: "
                                      "run scripts/setup first\n")
    (tree / ".venv").symlink_to(venv)
    message = subprocess.run([tree / ".venv/bin/python", tree / "bench" / script], capture_output=True, text=True,
                             timeout=60).stderr
    names = NEEDS_MODULES[script]
    verb = "are" if "," in names else "is"
    assert message == f"bench/{script}: Python's {names} {verb} not in .venv: run scripts/setup first\n"
    (tree / ".torch-dir").write_text("/opt/libtorch\n")
    if "torch" in names:
        assert told(tree, script).endswith("run scripts/setup --torch cpu first\n")


@pytest.mark.parametrize("script", ["allreduce", "exactness", "plan", "saves"])
def test_a_missing_mpirun_is_named(tree, script, venv):
    (tree / ".venv").symlink_to(venv)
    assert "mpirun is not installed" in told(tree, script, PATH=str(tree / "nowhere"))


def test_sets_of_the_demonstration_and_other_files_are_named(tree):
    shutil.rmtree(tree / "demo")
    message = told(tree, "recipe")
    assert "demo/data/a.h5 is not there" in message and message.endswith("run scripts/demo first\n")
    assert "no.toml is not there" in told(tree, "saves", "--config", "no.toml")
    assert "no.toml is not there" in told(tree, "plan", "--cluster", "no.toml")


def test_the_reason_of_a_failure_is_not_the_launchers_rule():
    sys.path.insert(0, str(ROOT / "bench"))
    import measure
    launcher = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\n" + 60 * "=" + "\n"
    peer = "Traceback (most recent call last):\n  File \"x.py\"\nModuleNotFoundError: No module named 'h5py'\n"
    assert measure.reason_of(peer + launcher) == "ModuleNotFoundError: No module named 'h5py'"
    assert measure.reason_of("[rank0]: torch.OutOfMemoryError: no room\n" + launcher) == "torch.OutOfMemoryError: no room"
    assert measure.reason_of("warning: x\nerror: train.lr = 3: no\n-----\n") == "error: train.lr = 3: no"
    assert measure.reason_of(60 * "=") == "it says nothing" and measure.reason_of("a line\n====") == "a line"


def test_ctrl_c_shows_no_traceback():
    """Each program imports needs, which sees to it."""
    assert all("\nimport needs\n" in (ROOT / "bench" / name).read_text() for name in SCRIPTS)
    waits = "import signal, sys; sys.argv = ['bench/x']; import needs; print(flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", waits], cwd=ROOT / "bench", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=60)[1] == "x: interrupted\n"
    assert child.returncode == -signal.SIGINT  # 130 in a shell
    broken = subprocess.run([sys.executable, "-c", "import needs; 1 / 0"], cwd=ROOT / "bench", text=True, capture_output=True)
    assert "ZeroDivisionError" in broken.stderr and broken.returncode == 1
