"""What has to be set up first is said in one message that names the command."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASICS = ["bash", "env", "sed", "tr", "dirname", "cat", "mkdir", "tail", "git"]
BUILDS = ["cc", "c++", "cmake", "ninja", "pkg-config", "mpicc", "mpirun"]


@pytest.fixture
def tree(tmp_path):
    """A source tree in which nothing has been run."""
    shutil.copytree(ROOT / "scripts", tmp_path / "tree/scripts")
    shutil.copy(ROOT / "CMakePresets.json", tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def tools(tmp_path):
    """A folder for PATH with what a machine with everything installed has."""
    (tmp_path / "bin").mkdir()
    for name in (*BASICS, *BUILDS):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    return tmp_path / "bin"


def run(tree, script, *arguments, path=None, **environment):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CMAKE_")}
    return subprocess.run([tree / "scripts" / script, *arguments], capture_output=True, text=True, timeout=120,
                          cwd=tree, env={**clean, "PATH": str(path or os.environ["PATH"]), **environment})


@pytest.mark.parametrize("script", ["build", "check-cuda"])
def test_a_build_before_the_setup_names_the_setup(tree, script):
    done = run(tree, script)
    assert done.returncode == 69 and done.stdout == ""
    assert done.stderr == (f"{script}: not found: libtorch (neither in .venv nor by scripts/setup --torch DIR). "
                           "Run scripts/setup first\n")


def test_a_preset_that_is_none_is_named(tree):
    done = run(tree, "build", "relaese")
    assert done.returncode == 64 and done.stdout == ""
    assert done.stderr == ("build: there is no preset relaese: one of release dev asan tsan cuda fuzz "
                           "(CMakePresets.json)\n")


@pytest.mark.parametrize("missing", BUILDS)
def test_each_tool_that_is_missing_is_named(tree, tools, missing):
    (tools / missing).unlink()
    done = run(tree, "build", "dev", path=tools)
    assert done.returncode == 69 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"build: not found: {missing}, ") and "Run scripts/setup first" in done.stderr


def test_libraries_are_named_but_where_cmake_is_told_of_other_places(tree, tools):
    (tools / "pkg-config").unlink()
    (tools / "pkg-config").write_text("#!/bin/sh\nexit 1\n")
    (tools / "pkg-config").chmod(0o755)
    done = run(tree, "build", path=tools)
    assert "not found: jansson (library with headers), libxxhash" in done.stderr and done.returncode == 69
    done = run(tree, "build", path=tools, CMAKE_PREFIX_PATH="/opt/env")
    assert done.stderr.startswith("build: not found: libtorch")


def test_a_libtorch_that_was_given_and_is_gone_is_named(tree, tmp_path):
    (tree / ".torch-dir").write_text(f"{tmp_path}/gone\n")
    assert "libtorch" in run(tree, "build").stderr


def test_with_everything_there_cmake_is_asked(tree, tmp_path, tools):
    """Here by a stand-in for it; and for libtorch."""
    (tmp_path / "torch/lib").mkdir(parents=True)
    (tmp_path / "torch/lib/libtorch_cpu.so").touch()
    (tree / ".torch-dir").write_text(f"{tmp_path}/torch\n")
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub/cmake").write_text(f"#!/bin/sh\necho $* >>{tmp_path}/asked\n")
    (tmp_path / "stub/cmake").chmod(0o755)
    done = run(tree, "build", path=f"{tmp_path}/stub:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert f"-DLIBTORCH_DIR={tmp_path}/torch" in (tmp_path / "asked").read_text()


def test_a_step_ends_at_its_first_failure(tree):
    """Also where the step is a function, in which bash ignores `set -e` if the caller asks for its status."""
    script = ". scripts/lib.sh; step() { true; false; true; }; run_step good Good true; run_step bad Bad step; say went on"
    done = subprocess.run(["bash", "-c", script], cwd=tree, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Good" in done.stdout and "went on" not in done.stdout
    assert "Bad: failed (status 1)" in done.stderr
