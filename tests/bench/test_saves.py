"""bench/saves runs and reports. What it measures is not looked at: that is for a quiet machine."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent


def test_a_save_is_measured_beside_a_copy_and_an_epoch():
    done = subprocess.run([sys.executable, ROOT / "bench/saves", "--quick", "--build", BUILD],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    rows = dict(line.strip("| ").split(" | ") for line in done.stdout.splitlines()[4:])
    assert list(rows)[:3] == ["the loop stopped for", "a copy of the same bytes takes", "the one over the other"]
    assert len(rows) == 7 and all(float(value.split()[0]) >= 0 for value in rows.values())
    assert float(rows["a copy of the same bytes takes"].split()[0]) > 0
