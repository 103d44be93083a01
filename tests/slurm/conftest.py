"""The Slurm that the tests here share, and two small sets to train on."""
import os
import pathlib
import subprocess

import pytest

from cluster import Cluster, unavailable

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve()


def pytest_configure(config):
    config.addinivalue_line("markers", "slurm: takes minutes; not part of scripts/test")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    with Cluster(tmp_path_factory.mktemp("slurm") / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    subprocess.run([PROGRAM, "synth", folder / "drawn", "--count", "30", "--size", "64", "--seed",
                    "1"], check=True, capture_output=True, timeout=120)
    for person in "ab":
        subprocess.run([PROGRAM, "pack", folder / "drawn" / f"person_{person}", "-o",
                        folder / f"{person}.h5", "--size", "64"], check=True, capture_output=True,
                       timeout=120)
    return folder
