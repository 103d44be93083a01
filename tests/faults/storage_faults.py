"""Faults of storage: disks that fill, files that change or vanish between two lives. FAULTS: (what happens, messages it
explains)."""
import os
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import h5py

from harness import Run, bifrons
from life import DEATH, DISK_FULL, NO_HASH, REFUSED, good_steps, live, nothing, spoil
from process_faults import kill_all


def full_disk(run, rng):
    call = rng.choice(["fwrite", "fsync", "rename"])
    run.best_may_differ = True  # the best state may be the one that could not be written
    assert live(run, nothing, f"{call}:{rng.randint(1, 5)}:full") in (0, 74)


def small_disk(run, rng):
    """The run folder on a file system with room for some checkpoints more, and no others."""
    checkpoint = run.reference.checkpoint(run.reference.steps()[-1]).stat().st_size
    run.out.mkdir(exist_ok=True)
    used = sum(path.lstat().st_size for path in run.out.rglob("*"))
    size = int(used + rng.uniform(0.2, 4) * checkpoint) + (1 << 20)
    disk = run.out.with_name("disk")
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", disk], capture_output=True)
    if mounted.returncode != 0:  # that takes root
        disk.rmdir()
        full_disk(run, rng)
        return
    run.best_may_differ = True
    try:
        shutil.copytree(run.out, disk, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(run.out)
        run.out.symlink_to(disk)
        assert live(run, nothing) in (0, 74)
        run.out.unlink()
        shutil.copytree(disk, run.out, symlinks=True)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
        disk.rmdir()


def interrupted(run, rng, checkpoints):
    """Lives until so many good checkpoints are there."""
    for _ in range(9):
        if len(good_steps(run)) >= checkpoints:
            return
        kill_all(run, rng)
    live(run, nothing)


def newest(run):
    return run.checkpoint(good_steps(run)[-1])


def flip_bit(path, at, rng):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ (1 << rng.randrange(8))]))


def checkpoint_regions(path):
    """{kind: [(first byte, end)]} of a checkpoint: each kind is as likely to be hit, however small."""
    regions = {"header": [], "pickle": [], "tensor": [], "record": []}
    with zipfile.ZipFile(path) as z, open(path, "rb") as f:
        for info in z.infolist():
            f.seek(info.header_offset + 26)
            data = info.header_offset + 30 + sum(struct.unpack("<HH", f.read(4)))
            kind = ("tensor" if "/data/" in info.filename else
                    "pickle" if info.filename.endswith("data.pkl") else "record")
            regions["header"].append((info.header_offset, data))
            regions[kind].append((data, data + info.file_size))
        regions["directory"] = [(z.start_dir, path.stat().st_size)]
    return regions


def set_regions(path):
    """{kind: [(first byte, end)]} of a set: each dataset, and what HDF5 keeps around them."""
    regions, covered = {}, 0
    with h5py.File(path) as f:
        for name, dataset in sorted(f.items(), key=lambda item: item[1].id.get_offset() or 0):
            first = dataset.id.get_offset()
            if first:
                regions.setdefault("metadata", []).append((covered, first))
                covered = first + dataset.id.get_storage_size()
                regions[name] = [(first, covered)]
    if covered < path.stat().st_size:
        regions["metadata"].append((covered, path.stat().st_size))
    return {kind: [r for r in ranges if r[0] < r[1]] for kind, ranges in regions.items()}


def byte_in(regions, rng):
    """(where, kind) of a byte in a kind drawn first."""
    kind = rng.choice(sorted(regions))
    return rng.randrange(*rng.choice(regions[kind])), kind


def flip(run, rng):
    """One bit of the newest checkpoint, or of its hash."""
    interrupted(run, rng, 2)
    path = newest(run)
    if rng.random() < 1 / 6:
        flip_bit(Path(f"{path}.xxh3"), rng.randrange(32), rng)  # hexadecimal digits; a name follows
    else:
        flip_bit(path, byte_in(checkpoint_regions(path), rng)[0], rng)
    spoil(run, path)
    live(run, nothing)


def truncate(run, rng):
    interrupted(run, rng, 2)
    path = newest(run)
    os.truncate(path, rng.choice([0, 1, rng.randrange(path.stat().st_size)]))
    spoil(run, path)
    live(run, nothing)


def missing(run, rng):
    """The newest checkpoint, with or without its hash, and the links, or some of them."""
    interrupted(run, rng, 2)
    path = newest(run)
    files = [path, Path(f"{path}.xxh3"), run.checkpoints / "latest.pt", run.checkpoints / "best.pt"]
    for file in rng.sample(files, rng.randint(1, len(files))):
        file.unlink(missing_ok=True)
    run.remains = (NO_HASH,)  # nobody writes it anew
    live(run, nothing)


def swapped(run, rng):
    """Two checkpoints under each other's name, hashes too: each is whole, and neither is what it is called."""
    interrupted(run, rng, 3)
    one, other = (run.checkpoint(step) for step in good_steps(run)[-2:])
    for tail in ("", ".xxh3"):
        a, b, spare = Path(f"{one}{tail}"), Path(f"{other}{tail}"), run.checkpoints / "spare"
        a.rename(spare), b.rename(a), spare.rename(b)
    spoil(run, one), spoil(run, other)
    live(run, nothing)


def foreign(run, rng):
    """Files that are no checkpoints of this run, under names of later ones; leftovers of a writer."""
    interrupted(run, rng, 1)
    names = ["step-0000000009.pt", "step-0000000123.pt", "step-0000000777.pt.xxh3", "notes.txt", "step-7.pt"]
    if 8 not in good_steps(run):
        names.append("step-0000000007.pt.tmp")  # a run that has nothing left to do cleans nothing
    for name in rng.sample(names, 3):
        path = run.checkpoints / name
        path.write_bytes(rng.choice([b"", b"PK\3\4", rng.randbytes(5000)]))
        spoil(run, path)
    live(run, nothing)


def torn_metrics(run, rng):
    """What a torn write leaves behind the rows that are known."""
    interrupted(run, rng, 1)
    if 8 in good_steps(run):
        return  # all rows are told, and nobody writes any more
    with open(run.out / "metrics.jsonl", "ab") as f:
        f.write(rng.choice([b'{"kind":"train","st', b"\0" * 512, rng.randbytes(99)]))
    live(run, nothing)


def damaged_set(run, rng):
    """A flipped bit or a missing end of a set is found by inspect --verify; train may train on it but never crash."""
    folder = run.out.with_name("damaged")
    shutil.copytree(run.sets, folder, ignore=shutil.ignore_patterns("drawn"))
    path = folder / rng.choice(["a.h5", "b.h5"])
    at, kind = rng.randrange(path.stat().st_size), "end"
    if rng.random() < 0.3:
        os.truncate(path, at)
    else:
        at, kind = byte_in(set_regions(path), rng)
        flip_bit(path, at, rng)
    result = bifrons("inspect", path, "--verify")
    assert result.returncode == 65 and path.name in result.stderr, f"{kind}, byte {at}: {result.returncode} {result.stderr}"
    other = Run(folder, run.out.with_name("on-damaged"), train__max_steps=1)
    assert other.train().returncode in (0, 65, 66)
    shutil.rmtree(folder)


FAULTS = {
    "full-disk": (full_disk, DISK_FULL), "small-disk": (small_disk, DISK_FULL),
    **{name: (fault, (*DEATH, *REFUSED)) for name, fault in {
        "flip": flip, "truncate": truncate, "missing": missing, "swapped": swapped, "foreign": foreign,
        "torn-metrics": torn_metrics, "damaged-set": damaged_set}.items()},
}
