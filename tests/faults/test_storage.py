"""What training does when its disk fails: it goes on, says so, and the last good state stays."""
import os
import shutil
import subprocess

import pytest

from harness import EPOCH, assert_same_run, cut_back, errors


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; a checkpoint takes 57 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m", "none", folder],
                          capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"a file system of its own takes root: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Takes every byte that is left."""
    with open(folder / "ballast", "wb", buffering=0) as f:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while f.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


@pytest.fixture
def run_there(original, copy_of, small_disk):
    """The original as it was after step 3, on the small disk."""
    run = copy_of(original)
    cut_back(run, EPOCH)
    shutil.copytree(run.out, small_disk / "run", symlinks=True)
    run.out = small_disk / "run"
    return run


@pytest.mark.parametrize("call", ["fwrite:2", "fsync:2", "rename:2"])
def test_one_write_fails_and_the_next_is_whole(original, new_run, call):
    """Of the checkpoints of 2, 3, 4, 6 and 8, one meets a full disk."""
    run = new_run(train__max_steps=8, checkpoint__every_steps=2, checkpoint__keep=9)
    result = run.train_with(f"{call}:full")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("CHECKPOINT NOT SAVED") == 1
    assert "No space left on device" in result.stderr
    assert run.steps()[-1] == 8 and len(run.steps()) == 4
    assert not list(run.checkpoints.glob("*.tmp*"))
    assert_same_run(run, original, best=False)


def test_a_disk_that_fills_and_is_cleared(run_there, small_disk):
    kept = run_there.checkpoint(EPOCH).read_bytes()
    result = run_there.train_stopping(
        [1, 4], [lambda: fill(small_disk), (small_disk / "ballast").unlink], "--resume", "auto",
        log__tensorboard="false")
    assert result.returncode == 0, result.stderr
    assert "CHECKPOINT NOT SAVED" in result.stderr and "No space left" in result.stderr
    assert run_there.checkpoint(EPOCH).read_bytes() == kept
    assert 4 not in run_there.steps() and run_there.steps()[-1] == 8


def test_a_disk_that_stays_full(run_there, original, small_disk):
    result = run_there.train_stopping([1], [lambda: fill(small_disk)], "--resume", "auto")
    assert result.returncode == 74, result.stderr
    assert result.stderr.count("CHECKPOINT NOT SAVED") == 3
    assert "--resume auto" in errors(result.stderr)[-1]
    assert run_there.steps() == [2, 3]
    (small_disk / "ballast").unlink()
    result = run_there.resume()
    assert result.returncode == 0, result.stderr
    assert_same_run(run_there, original)


def test_a_folder_that_cannot_be_written_is_refused_at_once(run_there, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    result = run_there.resume()
    assert result.returncode == 74, result.stderr
    assert len(errors(result.stderr)) == 1
    assert str(run_there.out) in errors(result.stderr)[0]
    assert "Read-only" in errors(result.stderr)[0]


def test_a_folder_that_vanishes_does_not_stop_training(new_run):
    run = new_run(train__max_steps=6)
    result = run.train_stopping([EPOCH + 1], [lambda: shutil.rmtree(run.out)])
    assert result.returncode == 74, result.stderr
    assert "CHECKPOINT NOT SAVED" in result.stderr and "6 steps in" in result.stderr
    assert "the state of step 6 could not be saved" in errors(result.stderr)[-1]


def test_a_set_cut_short_while_in_use_is_named(sets, new_run, tmp_path):
    """Rows are read, not mapped: no signal ends the process."""
    for name in "ab":
        shutil.copy(sets / f"{name}.h5", tmp_path)
    run = new_run(train__max_steps=6, checkpoint__every_steps=1)
    run.sets = tmp_path
    result = run.train_stopping([2], [lambda: os.truncate(tmp_path / "a.h5", 4096)])
    assert result.returncode == 65, result.stderr
    assert len(errors(result.stderr)) == 1
    assert f"{tmp_path}/a.h5 has become shorter" in errors(result.stderr)[0]
    assert run.steps() == [1, 2]


def test_a_slow_disk_is_told_and_nothing_is_lost(original, new_run):
    run = new_run(train__max_steps=8, checkpoint__every_steps=2, checkpoint__keep=9)
    result = run.train_with("fsync:1:sleep")
    assert result.returncode == 0, result.stderr
    assert "training waited" in result.stderr and "checkpoint.every_steps" in result.stderr
    assert run.steps() == [2, 3, 4, 6, 8]
    assert_same_run(run, original)
