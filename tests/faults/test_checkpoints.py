"""Which checkpoint a run goes on from, and what is said where it cannot."""
import os
import re
import shutil

import pytest

from harness import EPOCH, assert_same_run, cut_back, errors


def test_a_checkpoint_at_each_epoch_and_every_so_many_steps(original):
    assert original.steps() == [2, 3, 4, 6, 8]
    for step in original.steps():
        assert original.checkpoint(step).with_name(f"step-{step:010d}.pt.xxh3").is_file()
        assert re.search(rf"checkpoint of step {step} saved.*written in \d+\.\d\d s \(\d+\.\d\d s CPU\); "
                         r"training paused for \d+\.\d ms", original.log)


@pytest.mark.parametrize("step", [2, EPOCH, 4])
def test_going_on_from_any_of_them_gives_the_same_run(original, copy_of, step):
    run = copy_of(original)
    cut_back(run, step)
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert f"step-{step:010d}.pt" in result.stderr
    assert_same_run(run, original)


def foreign_checkpoint(new_run, run, step):
    """One of another architecture, whole and with its hash, among the run's own."""
    other = new_run("other", train__max_steps=step, model__latent=16)
    assert other.train().returncode == 0
    for tail in ("", ".xxh3"):
        shutil.copy(str(other.checkpoint(step)) + tail, str(run.checkpoint(step)) + tail)


def test_one_of_another_architecture_is_told_and_passed_over(original, copy_of, new_run):
    run = copy_of(original)
    cut_back(run, 4)
    foreign_checkpoint(new_run, run, 5)
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert re.search(r"refused: .*model.latent: 16 -> 8 .*step-0000000005.pt", result.stderr)
    assert "resumed from" in result.stderr and "step-0000000004.pt" in result.stderr
    assert_same_run(run, original)


def test_where_none_fits_the_reason_is_told_and_nothing_is_touched(original, copy_of):
    run = copy_of(original)
    before = sorted(run.checkpoints.iterdir())
    result = run.resume(model__latent=16)
    assert result.returncode == 78
    assert len(errors(result.stderr)) == 1
    assert "all 5 checkpoints" in errors(result.stderr)[0]
    assert "model.latent: 8 -> 16" in errors(result.stderr)[0]
    assert sorted(run.checkpoints.iterdir()) == before


def test_one_without_a_hash_is_taken_with_a_warning(original, copy_of):
    run = copy_of(original)
    cut_back(run, 4)
    run.checkpoint(4).with_name("step-0000000004.pt.xxh3").unlink()
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert re.search(r"warning: .*step-0000000004.pt has no .xxh3 file", result.stderr)
    assert_same_run(run, original)


def test_links_that_are_missing_or_lag_behind_are_put_right(original, copy_of):
    """As a kill leaves them that comes between naming a checkpoint and linking to it."""
    run = copy_of(original)
    best = os.readlink(run.checkpoints / "best.pt")
    (run.checkpoints / "latest.pt").unlink()
    (run.checkpoints / "best.pt").unlink()
    os.symlink(run.checkpoint(2).name, run.checkpoints / "best.pt")
    unfinished = [run.checkpoints / "step-0000000009.pt.tmp", run.checkpoints / "step-0000000009.pt.xxh3",
                  run.out / "report.html.tmp.77", run.out / "previews/step-0000000008-grid.png.tmp.7"]
    for path in unfinished:
        path.write_bytes(b"x")
    result = run.resume()
    assert result.returncode == 0 and "nothing left to do" in result.stderr
    assert not any(path.exists() for path in unfinished)
    assert os.readlink(run.checkpoints / "latest.pt") == run.checkpoint(8).name
    assert os.readlink(run.checkpoints / "best.pt") == best


def test_two_stay_whatever_is_asked(new_run):
    run = new_run(train__max_steps=6, checkpoint__every_steps=1, checkpoint__keep=2)
    assert run.train().returncode == 0
    best = int(os.readlink(run.checkpoints / "best.pt")[5:15])
    assert run.steps() == sorted({5, 6, best})


def test_a_refused_run_leaves_nothing_behind(sets, new_run, tmp_path):
    run = new_run("runs/new")
    result = run.train(data__a="missing.h5")
    assert result.returncode == 66, result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_write_that_fails_is_told_and_training_goes_on(original, copy_of):
    run = copy_of(original)
    cut_back(run, 4)
    kept = run.checkpoint(4).read_bytes()
    # files of the names to be written are in the way: this fails for root too
    for step in (6, 8, 9):
        (run.checkpoints / f"step-{step:010d}.pt.xxh3").mkdir()
    result = run.resume(train__max_steps=9)
    assert result.returncode == 74, result.stderr
    assert result.stderr.count("CHECKPOINT NOT SAVED") == 3
    assert len(run.rows("train")) == 9
    assert run.checkpoint(4).read_bytes() == kept and run.steps() == [2, 3, 4]
    assert run.record()["exit"] == "IO"
    for step in (6, 8, 9):
        (run.checkpoints / f"step-{step:010d}.pt.xxh3").rmdir()
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert_same_run(run, original)
