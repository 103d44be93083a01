"""bench/exactness runs and reports. What it measures is not looked at: that is for a quiet machine."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent


def test_every_mode_is_measured_beside_the_plain_step():
    done = subprocess.run([sys.executable, ROOT / "bench/exactness", "--quick", "--build", BUILD],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[4:]]
    assert [row[0].split(",")[0] for row in rows] == [
        "plain", "every rank compared after every step", "train.zero = 1", "train.reproducible",
        'comm.wire = "bf16"']
    for row in rows:
        assert len(row) == 4 and all(float(cell.split()[0]) > 0 for cell in row[1:])
