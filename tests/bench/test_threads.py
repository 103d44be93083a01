"""bench/threads runs and reports. What it measures is not looked at: that is for a quiet machine."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent


def test_threads_are_timed_alone_and_beside_busy_processes():
    done = subprocess.run([sys.executable, ROOT / "bench/threads", "--quick", "--spins", "7", "--build", BUILD],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("###")] == [
        "### Idle, medians of 1 rounds", "### Beside 1 busy processes, medians of 1 rounds"]
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.count(" | ") == 4]
    cases = ["one thread", "as Bifrons waits", "as libgomp waits", "7 turns"]
    assert [row[0] for row in rows if row[0] in cases] == 2 * cases
    assert all(float(row[1]) > 0 for row in rows if row[0] in cases)
