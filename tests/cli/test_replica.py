"""A rank whose memory changes under it: found by the replica check, named, and nothing lost."""

import os
import re
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from exact_runs import checkpoint, command, run, sets  # noqa: F401

MAPPING_BYTES = 256 << 20  # of the shared memory, gigabytes are reserved and never touched


def wait_for(condition, process):
    deadline = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def process_of(rank, out):
    """The engine that is this rank of the run in this folder."""
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(out).encode() in words and f"OMPI_COMM_WORLD_RANK={rank}".encode() in variables:
            return int(folder.name)
    raise AssertionError(f"no rank {rank}")


def flip_bit_at(pid, wanted):
    """In every writable copy of these bytes in another process's memory, but not in the shared
    memory that other ranks own: their parameters lie there."""
    found = 0
    try:
        memory = open(f"/proc/{pid}/mem", "r+b", buffering=0)
    except PermissionError:
        pytest.skip("other processes' memory may not be written here")
    with memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, access = line.split()[:2]
            if not access.startswith("rw") or "s" in access and not re.search(rf"/bifrons-[a-z]+-{pid}-", line):
                continue
            first, end = (int(x, 16) for x in place.split("-"))
            try:
                memory.seek(first)
                at = memory.read(min(end - first, MAPPING_BYTES)).find(wanted)
                if at >= 0:
                    memory.seek(first + at)
                    memory.write(bytes([wanted[0] ^ 1]))
                    found += 1
            except OSError:
                continue
    return found


def test_a_flipped_bit_stops_the_run_before_it_is_saved(sets, tmp_path):  # noqa: F811
    out = tmp_path / "run"
    # a rate of 0: parameters stay what the checkpoint says, and can be found in memory
    keys = ["train.lr=0", "train.epochs=100000", "train.max_steps=100000", "train.replica_check_steps=3",
            "checkpoint.every_steps=1"]
    words = command(sets, out, ranks=3, keys=keys)
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True) as process:
        try:
            wait_for(checkpoint(out, 1).exists, process)
            with zipfile.ZipFile(checkpoint(out, 1)) as archive:
                largest = max((i for i in archive.infolist() if "/data/" in i.filename),
                              key=lambda i: i.file_size)
                wanted = archive.read(largest)[4000:4256]
            assert any(wanted)
            assert flip_bit_at(process_of(2, out), wanted) > 0
            error = process.communicate(timeout=200)[1]
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 70, error
    assert error.count("the parameters of rank 2 differ from those of the other 2 ranks") == 1
    assert "resume from the last checkpoint" in error
    saved = sorted(out.glob("checkpoints/step-*.pt"))
    with zipfile.ZipFile(saved[-1]) as archive:
        parameters = b"".join(archive.read(n) for n in archive.namelist() if "/data/" in n)
        assert wanted in parameters
    on = run(*command(sets, out, "--resume", "auto",
                      keys=[*keys, f"train.max_steps={int(saved[-1].stem[5:]) + 1}"]))
    assert on.returncode == 0, on.stderr
    assert os.path.basename(saved[-1]) in on.stderr
