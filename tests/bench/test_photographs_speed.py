"""bench/photographs-speed runs and reports. What it measures is not looked at: that is for a quiet machine."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent
MODELS = pathlib.Path(os.environ.get("BIFRONS_MODELS", ROOT / "build/share/bifrons"))
PICTURES = ROOT / "tests/cli/photographs"


@pytest.mark.skipif(not (MODELS / "identity.pt").exists(), reason="the networks come with scripts/setup --photographs")
def test_two_threads_are_timed_beside_one():
    done = subprocess.run([sys.executable, ROOT / "bench/photographs-speed", PICTURES / "a0003.jpg",
                           PICTURES / "a0009.jpg", "--quick", "--build", BUILD, "--models", MODELS],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    times, rate = re.fullmatch(r"2 threads: ([\d.]+) times .*\none thread: ([\d.]+) pictures a second .*\n", done.stdout).groups()
    assert float(times) > 0 and float(rate) > 0
