"""bench/plan runs and writes a cluster's file that can be planned for. What it measures is not
looked at: that is for a quiet machine."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIFRONS = pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons"))


def test_a_machine_is_calibrated_and_predicted(tmp_path):
    written = tmp_path / "here.toml"
    done = subprocess.run([sys.executable, ROOT / "bench/plan", "--quick", "--ranks", "2", "--write",
                           written, "--build", BIFRONS.parent],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    tables = [line for line in done.stdout.splitlines() if line.startswith("| 64 px")]
    assert len(tables) == 2 and "2 ranks" in tables[1]
    plan = subprocess.run([BIFRONS, "plan", ROOT / "configs/light128.toml", "--cluster", written,
                           "--json"], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(plan.stdout)
    assert told["step"]["fp32"]["total"] > 0 and told["cluster"]["fits_fp32"]
