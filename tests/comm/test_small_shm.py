"""A /dev/shm that is too small, as containers have it: a line and a slower way, the same sums."""

import os
import subprocess

import pytest

WORKER = os.environ["HOSTS_WORKER"]
# in a mount namespace of its own; Open MPI's own segments go elsewhere
IN_SMALL_SHM = ["unshare", "--mount", "sh", "-c",
                'mount -t tmpfs -o size=$0 none /dev/shm && exec "$@"']


def run(folder, name, size=None):
    command = ["mpirun", "-n", "2", "--mca", "btl_vader_backing_directory", "/tmp", WORKER,
               str(folder / name)]
    done = subprocess.run([*IN_SMALL_SHM, size, *command] if size else command,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    if "unshare failed" in done.stderr or "mount: " in done.stderr:
        pytest.skip(f"a /dev/shm of one's own is not permitted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    return [(folder / f"{name}.{rank}").read_bytes() for rank in range(2)], done.stderr


def test_a_small_shm(tmp_path):
    wanted, warnings = run(tmp_path, "enough")
    assert "warning" not in warnings
    for size, line in ("1m", "no shared memory between ranks"), ("4m", "/dev/shm has no room for 5 MiB"):
        got, warnings = run(tmp_path, "small", size)
        assert got == wanted
        assert warnings.count(line) == 1, warnings  # once, not once a rank
