"""A learning rate that is far too high: the collapse is named, and the run goes back or ends with a word."""
import os
import re

import pytest
import torch

from harness import EPOCH, assert_same_tensors, errors, load

HIGH = 0.3  # Adam moves every parameter by as much in a step: no network outlives the second
SMALL = {"model__width": 8, "model__width_max": 16}  # and is quick


@pytest.fixture
def small_run(new_run):
    return lambda name="run", **keys: new_run(name, **{**SMALL, **keys})


def warnings(result):
    return [line for line in result.stderr.splitlines() if "warning:" in line and "collapsed" in line]


@pytest.mark.parametrize("keys", [
    {}, {"ranks": 2}, {"ranks": 2, "train__reproducible": "true"}, {"ranks": 2, "train__zero": 1},
    {"train__accumulate": 2}, {"train__precision": '"bf16"'}, {"data__val_fraction": 0},
    {"train__init": '"he"', "loss__dssim": 1, "loss__mask": 16},
    {"checkpoint__every_steps": 1},  # the state of the first step must not become the one to go back to
], ids=str)
def test_it_goes_back_to_before_the_collapse(small_run, keys):
    run = small_run(train__lr=HIGH, train__max_steps=4 * EPOCH, guard__patience=2, guard__lr_factor=0.01, **keys)
    result = run.train()
    assert result.returncode == 0, result.stderr
    first, still, back = warnings(result)
    assert f"step {EPOCH}: decoder A has collapsed: " in first and "decoder B has collapsed: " in first
    assert "black or white" in first and re.search(r"its loss is 0?\.?\d+.*, at the start \d", first)
    for word in ("train.lr (now 0.3) to 0.001 or less", "train.warmup_steps", "--find-lr", "guard.patience"):
        assert word in first
    assert f"step {2 * EPOCH}: still collapsed at validation 2 in a row" in still
    assert f"going back from step {2 * EPOCH} to step 0, with 0.01 times the learning rate (1 of 3 times)" in back
    assert [row["step"] for row in run.rows("train")] == list(range(1, 4 * EPOCH + 1))  # none twice
    assert run.rows("train")[-1]["lr"] == pytest.approx(HIGH / 100)
    assert run.rows("val")[-1]["loss"]["total"] < 0.6 or "loss__dssim" in keys or "data__val_fraction" in keys
    assert (run.checkpoints / "best.pt").exists()
    assert run.events()[1:4] == [("collapsed", EPOCH), ("collapsed", 2 * EPOCH), ("back", 0)]


def test_where_going_back_does_not_help_it_stops(small_run):
    run = small_run(train__lr=HIGH, train__max_steps=40, guard__patience=1, guard__rollbacks=1, guard__lr_factor=0.9)
    result = run.train()
    assert result.returncode == 70, result.stderr
    assert "the run goes back to its last good state" in warnings(result)[0]
    assert "the run ends" in warnings(result)[-1]
    message, = errors(result.stderr)
    for word in ("decoder A and decoder B collapsed", "after going back 1 time.", "Lower train.lr (now 0.3, times 0.9",
                 "--out"):
        assert word in message
    assert run.record()["exit"] == "DIVERGED"
    assert run.steps() == []  # no state that could be used


def test_a_run_that_ends_before_does_so_with_a_word(small_run):
    run = small_run(train__lr=HIGH, train__max_steps=2)
    result = run.train()
    assert result.returncode == 0, result.stderr
    assert "decoder A has collapsed" in warnings(result)[0]
    assert "the run has ended with decoder A and decoder B collapsed" in warnings(result)[-1]
    assert run.steps() == [2]
    again = run.resume()  # nothing left to do
    assert again.returncode == 0 and "the run has ended with" in warnings(again)[0]


def test_it_may_be_let_through(small_run):
    run = small_run(train__lr=HIGH, train__max_steps=2 * EPOCH, guard__spike='"off"', guard__patience=1)
    result = run.train()
    assert result.returncode == 0 and not warnings(result)


def test_a_collapse_of_before_is_forgotten_where_it_may_be_let_through(small_run):
    """Else every save would wait for a validation that finds a recovery, and none looks for one."""
    run = small_run(train__lr=HIGH, train__max_steps=2, checkpoint__keep=9)
    assert warnings(run.train())
    result = run.resume(guard__spike='"off"', train__max_steps=2 * EPOCH, checkpoint__every_steps=1)
    assert result.returncode == 0 and not warnings(result), result.stderr
    assert run.steps() == list(range(2, 2 * EPOCH + 1))


def test_a_stage_does_not_hand_on_a_collapse(small_run):
    run = small_run(train__stages=f"[{{epochs = 2, lr = {HIGH}}}, {{epochs = 1}}]", guard__lr_factor=0.01)
    result = run.train()
    assert result.returncode == 0, result.stderr
    assert f"going back from step {2 * EPOCH} to step 0, with 0.01 times" in warnings(result)[-1]
    assert "the run has ended" not in result.stderr
    assert [row["step"] for row in run.rows("train")] == list(range(1, 3 * EPOCH + 1))


def test_a_stage_that_collapses_leaves_the_best_of_the_one_before(small_run):
    run = small_run(train__stages=f"[{{epochs = 1}}, {{epochs = 1, lr = {HIGH}}}]")
    result = run.train()
    assert result.returncode == 0 and "the run has ended with" in warnings(result)[-1], result.stderr
    assert os.readlink(run.checkpoints / "best.pt") == run.checkpoint(EPOCH).name


def test_a_resume_that_raises_the_rate_goes_back_to_where_it_began(small_run):
    run = small_run(train__max_steps=2 * EPOCH)
    assert not warnings(run.train())
    before = load(run.checkpoint(2 * EPOCH))["model_state_dict"]
    result = run.resume(train__lr=HIGH, train__max_steps=3 * EPOCH, guard__patience=1, guard__lr_factor=0.01)
    assert result.returncode == 0, result.stderr
    assert f"going back from step {3 * EPOCH} to step {2 * EPOCH}" in warnings(result)[-1]
    assert_same_tensors(before, load(run.checkpoint(2 * EPOCH))["model_state_dict"])


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_life_that_began_collapsed_goes_back_to_an_older_checkpoint(small_run, ranks):
    """And counts the validations of the life before."""
    run = small_run(ranks=ranks, train__max_steps=EPOCH, checkpoint__keep=9)
    assert not warnings(run.train())
    keys = {"train__lr": HIGH, "guard__patience": 2, "guard__lr_factor": 0.01}
    ended = run.resume(train__max_steps=2 * EPOCH, **keys)
    assert ended.returncode == 0 and "the run has ended with" in warnings(ended)[-1], ended.stderr
    assert run.steps() == [EPOCH, 2 * EPOCH]
    result = run.resume(train__max_steps=4 * EPOCH, **keys)
    assert result.returncode == 0, result.stderr
    assert f"going back from step {3 * EPOCH} to step {EPOCH}," in warnings(result)[-1]
    assert run.steps() == [EPOCH, 2 * EPOCH, 3 * EPOCH, 4 * EPOCH]
    assert [row["step"] for row in run.rows("train")] == list(range(1, 4 * EPOCH + 1))
    assert run.rows("val")[-1]["loss"]["total"] < run.rows("val")[0]["loss"]["total"] + 0.1


def test_the_best_is_found_anew_where_the_one_before_was_refused(small_run):
    run = small_run(train__ema=0, train__max_steps=2 * EPOCH, checkpoint__keep=9)
    assert run.train().returncode == 0
    first, damaged = (row["loss"]["total"] for row in run.rows("val"))
    assert run.resume(train__lr=HIGH, train__max_steps=3 * EPOCH).returncode == 0
    path = run.checkpoint(2 * EPOCH)
    path.write_bytes(path.read_bytes()[:-1])
    result = run.resume(train__lr=1e-2, train__max_steps=4 * EPOCH, guard__patience=2, guard__lr_factor=0.01)
    assert result.returncode == 0, result.stderr
    assert f"going back from step {4 * EPOCH} to step {EPOCH}," in warnings(result)[-1]
    assert path.with_name(path.name + ".refused").exists()
    assert damaged < run.rows("val")[-1]["loss"]["total"] < first
    assert os.readlink(run.checkpoints / "best.pt") == run.checkpoint(4 * EPOCH).name


@pytest.mark.parametrize("good", [0, EPOCH], ids=["never", "lost"])
def test_where_nothing_older_is_left_it_stops(small_run, good):
    """Then there is nothing to go on from, whatever was good once."""
    run = small_run(train__lr=1e-3 if good else HIGH, train__max_steps=good or 2)
    assert run.train().returncode == 0
    if good:
        assert run.resume(train__lr=HIGH, train__max_steps=good + 2).returncode == 0
        run.checkpoint(good).unlink()
    result = run.resume(train__max_steps=40, train__lr=HIGH, guard__patience=2)
    assert result.returncode == 70, result.stderr
    message, = errors(result.stderr)
    assert "no state from before that is left" in message and "new run (--out)" in message
    assert "--resume" not in message


def whiten(path, to, by, *keys):
    """Decoder B's last bias is raised, so that it draws white."""
    state = load(path)
    for key in keys:
        name = [name for name in state[key] if name.startswith("decoder_b") and name.endswith("bias")][-1]
        state[key][name] += by
    torch.save(state, to)


@pytest.mark.parametrize("ranks", [1, 2])
def test_parameters_that_collapse_before_their_average_are_seen(small_run, ranks):
    """Validations measure the average, in which the parameters of one step count little by then."""
    run = small_run(ranks=ranks, train__ema=0.999999, train__max_steps=20 * EPOCH, train__zero=ranks - 1)
    assert not warnings(run.train())
    before, last = run.steps()[-2:]
    whiten(run.checkpoint(last), run.checkpoint(last), 8, "model_state_dict")
    run.checkpoint(last).with_name(run.checkpoint(last).name + ".xxh3").unlink()
    result = run.resume(train__global_batch=11, train__max_steps=last + 1, guard__spike=1000, guard__patience=1)
    assert result.returncode == 0, result.stderr
    first, back = warnings(result)
    assert f"step {last + 1}: decoder B has collapsed: 100.0 % of its output values are black or white" in first
    assert "decoder A" not in first
    assert f"going back from step {last + 1} to step {before}," in back


def test_one_dead_decoder_is_named_alone(small_run, tmp_path):
    """B's draws white whatever it is shown, from the beginning on, while A's learns."""
    healthy = small_run("healthy", train__max_steps=1)
    assert not warnings(healthy.train())
    whiten(healthy.checkpoint(1), tmp_path / "white.pt", 100, "model_state_dict", "ema_state_dict")
    run = small_run(train__max_steps=40, guard__patience=3, guard__rollbacks=9)
    result = run.train("--init-from", tmp_path / "white.pt")
    assert result.returncode == 70, result.stderr
    first, *still = warnings(result)
    assert "decoder B has collapsed: 100.0 % of its output values are black or white" in first
    assert "one colour for every picture" in first and "decoder A" not in first
    assert [line.rpartition(": ")[2] for line in still] == ["decoder B"] * 2
    assert "training has failed: decoder B collapsed" in errors(result.stderr)[0]
    assert run.rows("val")[2]["loss"]["a"]["l1"] < run.rows("val")[0]["loss"]["a"]["l1"]


def test_healthy_runs_hear_nothing(small_run, original):
    assert "collapsed" not in original.log
    for i, keys in enumerate([{"train__lr": 1e-5}, {"train__lr": 3e-3}, {"train__init": '"he"'},
                              {"train__schedule": '"one_cycle"', "train__lr": 1e-2}, {"data__val_fraction": 0},
                              {"train__freeze": '"decoder_b"'}, {"loss__l1": 0, "loss__dssim": 1},
                              {"loss__adversarial": 0.1}]):
        result = small_run(f"run{i}", train__max_steps=4 * EPOCH, **keys).train()
        assert result.returncode == 0 and "collapsed" not in result.stderr, (keys, result.stderr)
