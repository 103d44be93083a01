"""bench/compare runs and reports. What it measures is not looked at: that is for a quiet machine."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent


def compare(*arguments):
    return subprocess.run([sys.executable, ROOT / "bench/compare", "--quick", *arguments],
                          capture_output=True, text=True, timeout=280)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the peer needs torch")
def test_both_trainers_run_and_are_compared(tmp_path):
    done = compare("--build", BUILD, "--markdown", tmp_path / "results.md")
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "results.md").read_text()
    assert report == done.stdout
    for what in ("of the median step", "processor time", "start-up", "peak memory"):
        row = next(line for line in report.splitlines() if what in line)
        numbers = [float(cell.split()[0]) for cell in row.strip("| ").split(" | ")[1:]]
        assert len(numbers) == 3 and all(number > 0 for number in numbers), row
    assert re.search(r"Weak scaling.*: \d\.\d+ ", report)


def test_a_build_that_is_not_there_is_named():
    done = compare("--build", "build/none")
    assert done.returncode == 1
    assert "build/none/bifrons" in done.stderr and "scripts/build" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments, said", [
    (["--peer", "fastest"], "--peer 'fastest': there is no such setting: channels last, joined"),
    (["--eager"], "--eager needs --device cuda"),
])
def test_bad_usage(arguments, said):
    done = compare(*arguments)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_an_epoch_that_ends_before_the_warm_up_is_not_timed(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    loader = importlib.machinery.SourceFileLoader("compare", str(ROOT / "bench/compare"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    monkeypatch.setitem(sys.modules, "compare", module)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    args = types.SimpleNamespace(batch=16, ranks=1, pictures=64, device="cuda")
    assert module.epoch_seconds(types.SimpleNamespace(args=args), "fp32") is None
    args.pictures = 240  # 216 of them in 14 steps
    with pytest.raises(AttributeError, match="start"):
        module.epoch_seconds(types.SimpleNamespace(args=args), "fp32")
