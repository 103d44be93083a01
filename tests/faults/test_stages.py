"""train.stages: one run over sizes of pictures that grow; each stage begins as growing by hand does, and
a run that stops within one, or between two, goes on as if it had not."""
import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import harness
from harness import assert_same_run, assert_same_tensors, bifrons, cut_back, errors, load

SOURCE = Path(os.environ.get("BIFRONS_SOURCE", Path(__file__).resolve().parents[2]))
# 11 of 12 pictures are trained on. Steps of the stages: 1 to 3, 4 to 9
STAGES = "[{image_size = 64, epochs = 1}, {image_size = 128, epochs = 2, global_batch = 5, lr = 5e-4}]"
FIRST, LAST = 3, 9
KEYS = {"model__width": 16, "checkpoint__every_steps": 1, "checkpoint__keep": 99,
        "log__tensorboard": "false"}
# … and 1 to 3, 4 to 6, in which nothing is learned, 7 to 9
CALM = "{image_size = 64, epochs = 1}, {image_size = 128, epochs = 1, lr = 0}, {image_size = 128, epochs = 1}"


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return harness.make_sets(tmp_path_factory.mktemp("sets128"), 128)


@pytest.fixture(scope="module")
def staged(sets, tmp_path_factory):
    """Two ranks, and all state there is: an average, discriminators, a schedule, shards."""
    run = harness.Run(sets, tmp_path_factory.mktemp("staged") / "run", ranks=2, train__stages=STAGES,
                      train__schedule='"cosine"', loss__adversarial=0.01, adversary__channels=4,
                      adversary__start_step=1, augment__ramp_steps=2, train__zero=1, **KEYS)
    result = run.train()
    assert result.returncode == 0, result.stderr
    run.log = result.stderr
    return run


@pytest.fixture(scope="module")
def alone(sets, tmp_path_factory):
    """One rank, three stages."""
    run = harness.Run(sets, tmp_path_factory.mktemp("alone") / "run", train__stages=f"[{CALM}]", **KEYS)
    result = run.train()
    assert result.returncode == 0, result.stderr
    return run


@pytest.fixture
def copy(copy_of):
    """copy(run, step): as if the run had died after this step's checkpoint."""
    def make(run, step):
        copied = copy_of(run)
        copied.sets = run.sets
        cut_back(copied, step)
        return copied
    return make


def test_rows_and_lines_tell_the_stage(staged):
    rows = staged.rows("train")
    assert [row["step"] for row in rows] == list(range(1, LAST + 1))
    assert [row["stage"] for row in rows] == [1] * FIRST + [2] * (LAST - FIRST)
    assert [row["epoch"] for row in rows] == [1] * FIRST + [1] * 3 + [2] * 3
    assert [row["position"] for row in rows] == [4, 8, 12, 17, 22, 27, 32, 37, 42]
    assert [row["step"] for row in staged.rows("val")] == [3, 6, 9]
    assert staged.events() == [("start", 0), ("stage", 0), ("stage", FIRST), ("finished", LAST)]
    assert "stage 1 of 2, 64 px  epoch 1/1  step 2/3" in staged.log
    assert re.search(r"stage 1 of 2, 64 px .* 0 s left in this stage, about .+ in all$", staged.log, re.M)
    assert not re.search(r"stage 2 of 2, 128 px .* left in", staged.log)
    assert "stage 2 of 2, 128 px  epoch 1/2  step 5/9" in staged.log
    assert re.search(r"stage 2 of 2, 128 px: 6 steps in .* \(best|val", staged.log)


def test_a_preview_names_the_stage(new_run):
    """Runs that differ in nothing but train.stages: the sheets differ in their last line."""
    keys = {**KEYS, "train__epochs": 1, "log__preview_epochs": 1}
    plain, staged = new_run("plain", **keys), new_run("staged", train__stages="[{epochs = 1}]", **keys)
    results = plain.train(), staged.train()
    assert [result.returncode for result in results] == [0, 0], results
    assert all("plan: 1 epoch of 3 steps," in result.stderr for result in results)
    names = sorted(path.name for path in plain.out.glob("previews/*.png"))
    assert len(names) == 2
    for name in names:
        sheets = [np.asarray(Image.open(run.out / "previews" / name)) for run in (plain, staged)]
        different = np.flatnonzero((sheets[0] != sheets[1]).any(axis=(1, 2)))
        assert different.size and different.min() > sheets[0].shape[0] * 0.9


def test_the_schedule_begins_anew_with_each_stage(staged):
    """Cosine: in its first step a stage's rate is its highest, as there is less than a step of rising."""
    rates = [row["lr"] for row in staged.rows("train")]
    assert rates[0] == 1e-3 and rates[FIRST] == 5e-4
    assert rates[1] < rates[0] and sorted(rates[FIRST:], reverse=True) == rates[FIRST:]
    state = load(staged.checkpoint(LAST))
    assert state["optimizer_state_dict"]["state"][0]["step"] == LAST - FIRST
    assert state["discriminators"]["step"] == LAST - FIRST - 1  # discriminator.start_step is 1
    assert load(staged.checkpoint(FIRST))["discriminators"]["step"] == FIRST - 1


def test_the_best_is_chosen_anew_in_each_stage(staged):
    best = int(os.readlink(staged.checkpoints / "best.pt")[5:15])
    losses = {row["step"]: row["loss"]["total"] for row in staged.rows("val")}
    assert best == min((6, 9), key=losses.get)


# ---- Each stage is a run of its own, from the weights of the one before --------------------------

def test_a_stage_begins_as_growing_by_hand_does(alone, new_run):
    small = new_run("small", train__max_steps=FIRST, **KEYS)
    assert small.train().returncode == 0
    last = load(alone.checkpoint(FIRST))
    for key in ("model_state_dict", "ema_state_dict", "optimizer_state_dict", "position"):
        assert_same_tensors(last[key], load(small.checkpoint(FIRST))[key], key)
    large = new_run("large", **{**KEYS, "model__image_size": 128, "train__lr": 0, "train__max_steps": 1})
    result = large.train("--init-from", small.checkpoint(FIRST))
    assert result.returncode == 0 and "grown from 64 px to 128 px" in result.stderr, result.stderr
    begun = load(alone.checkpoint(FIRST + 1))  # a step at a rate of 0 leaves the weights be
    assert_same_tensors(begun["model_state_dict"], load(large.checkpoint(1))["model_state_dict"])
    assert begun["optimizer_state_dict"]["state"][0]["step"] == 1


def test_the_first_stage_may_begin_with_other_weights(alone, new_run):
    run = new_run("run", **{**KEYS, "train__max_steps": 1, "train__stages": "[{image_size = 128, lr = 0}]"})
    result = run.train("--init-from", alone.checkpoint(FIRST))
    assert result.returncode == 0 and "grown from 64 px to 128 px" in result.stderr, result.stderr
    assert_same_tensors(load(run.checkpoint(1))["model_state_dict"],
                        load(alone.checkpoint(FIRST + 1))["model_state_dict"])


def test_adam_begins_anew_with_each_stage(alone):
    """Its first step is as long as the learning rate, whatever the gradient; a fourth one would be shorter."""
    begin, after = load(alone.checkpoint(6))["ema_state_dict"], load(alone.checkpoint(7))["model_state_dict"]
    moved = torch.cat([(after[name] - begin[name]).abs().flatten() for name in begin])
    assert moved.median().item() == pytest.approx(1e-3, rel=0.1)


def test_augmentation_rises_anew_in_each_stage(new_run):
    """In two steps; nothing is learned here, so at full strength a step is what it is without rising, and
    as in a run without stages."""
    keys = {"train__stages": "[{epochs = 1}, {epochs = 1}]", "train__lr": 0, "augment__colour_jitter": 0.5, **KEYS}
    rising, full = new_run("rising", augment__ramp_steps=2, **keys), new_run("full", **keys)
    assert rising.train().returncode == full.train().returncode == 0
    same = [a["grad_norm"] == b["grad_norm"] for a, b in zip(rising.rows("train"), full.rows("train"), strict=True)]
    assert same == [False, False, True, False, False, True]
    plain = new_run("plain", **{**keys, "train__stages": '"off"', "train__epochs": 2})
    assert plain.train().returncode == 0
    what = ("loss", "grad_norm", "position")
    assert [[row[key] for key in what] for row in full.rows("train")] == [
        [row[key] for key in what] for row in plain.rows("train")]


def test_a_stage_that_gets_no_better_ends_early(new_run):
    run = new_run(train__stages="[{image_size = 64, epochs = 9, lr = 0}, {image_size = 64, epochs = 1}]",
                  train__early_stop=1, train__ema=0, **KEYS)
    result = run.train()
    assert result.returncode == 0 and "stopped early after step 6" in result.stderr, result.stderr
    assert [row["stage"] for row in run.rows("train")] == [1] * 6 + [2] * 3


def test_bad_steps_lead_back_to_the_beginning_of_their_stage(new_run):
    run = new_run(train__stages=f"[{CALM}]", **{**KEYS, "checkpoint__every_steps": 0})
    result = run.train_with("loss:7-9:nan")
    assert result.returncode == 0 and "going back from step 9 to step 6" in result.stderr, result.stderr
    rows = run.rows("train")
    assert [(row["step"], row["stage"]) for row in rows[-4:]] == [(6, 2), (7, 3), (8, 3), (9, 3)]
    assert rows[-1]["lr"] == 5e-4 and not any(row.get("skipped") for row in rows)


# ---- Going on --------------------------------------------------------------------------------

@pytest.mark.parametrize("step", [2, FIRST, 5], ids=["in stage 1", "at its end", "in stage 2"])
def test_going_on_gives_the_same_run(staged, copy, step):
    run = copy(staged, step)
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert f"step-{step:010d}.pt" in result.stderr
    assert_same_run(run, staged)


def test_a_rank_that_is_killed_in_stage_2_costs_nothing(staged, sets, tmp_path):
    run = harness.Run(sets, tmp_path / "run", ranks=2)
    run.keys = staged.keys
    result = run.train_with("backward:8:kill@1")  # the first of each stage is none of a step
    assert result.returncode != 0
    assert FIRST < max(run.steps()) < LAST
    assert run.resume().returncode == 0
    assert_same_run(run, staged)


def test_a_request_to_stop_is_met_between_two_stages(alone, new_run):
    run = new_run(train__stages=f"[{CALM}]", **KEYS)
    result = run.train_stopping([FIRST - 1], [lambda: os.kill(run_pid(run), signal.SIGUSR1)])
    assert result.returncode == 75 and f"stopped after step {FIRST} of {FIRST}" in result.stderr
    assert run.steps()[-1] == FIRST
    assert run.resume().returncode == 0
    assert_same_run(run, alone)


def run_pid(run):
    """Of the process that holds the run folder."""
    return int(re.search(r"process (\d+)", (run.out / ".lock").read_text())[1])


def test_a_damaged_checkpoint_leads_back_into_the_stage_before(alone, copy):
    run = copy(alone, FIRST + 1)
    damaged = run.checkpoint(FIRST + 1)
    damaged.write_bytes(damaged.read_bytes()[:-100])
    result = run.resume()
    assert result.returncode == 0 and "checkpoint refused" in result.stderr, result.stderr
    assert_same_run(run, alone)


@pytest.mark.parametrize("last, others, told", [
    (6, {"model__latent": 16}, "model.latent: 16 -> 8"),
    (12, {"data__a": "b.h5", "data__b": "a.h5", "train__stages": f"[{CALM}, {{}}]"}, "holds other pictures than"),
], ids=["of another network", "of other pictures, in a stage that is not here"])
def test_another_run_s_checkpoint_is_passed_over(alone, copy, new_run, sets, last, others, told):
    """Of a later stage than the run is in."""
    run = copy(alone, FIRST)
    paths = {key: f'"{sets / others[key]}"' for key in others if key.startswith("data__")}
    other = new_run("other", **{"train__stages": f"[{CALM}]", **KEYS, "model__image_size": 128, "train__epochs": 1,
                                "checkpoint__every_steps": 0, "train__max_steps": last, **others, **paths})
    result = other.train()
    assert result.returncode == 0, result.stderr
    for tail in ("", ".xxh3"):
        shutil.copy(f"{other.checkpoint(last)}{tail}", f"{run.checkpoint(last)}{tail}")
    result = run.resume()
    assert result.returncode == 0, result.stderr
    assert re.search(f"checkpoint refused: .*{re.escape(told)}", result.stderr), result.stderr
    assert f"{run.checkpoint(FIRST)} is of the last step of stage 1: going on" in result.stderr
    assert Path(f"{run.checkpoint(last)}.refused").exists()
    assert_same_run(run, alone)


def test_max_steps_counts_over_all_stages(alone, copy):
    run = copy(alone, FIRST)
    result = run.resume(train__max_steps=FIRST)
    assert result.returncode == 0 and "nothing left to do: step 3 of 3" in result.stderr
    result = run.resume(train__max_steps=FIRST + 1)
    assert result.returncode == 0, result.stderr
    assert run.rows("train")[-1]["step"] == FIRST + 1 and run.rows("train")[-1]["stage"] == 2


def test_stages_may_be_added_to_a_finished_run(alone, copy):
    run = copy(alone, LAST)
    result = run.resume(train__stages=f"[{CALM}, {{image_size = 128, epochs = 1, lr = 1e-5}}]")
    assert result.returncode == 0 and "changed since the checkpoint: train.stages" in result.stderr
    assert [(row["step"], row["stage"], row["lr"]) for row in run.rows("train")[LAST:]] == [
        (step, 4, 1e-5) for step in (10, 11, 12)]


@pytest.mark.parametrize("stages, told", [
    (CALM.replace("epochs = 1", "epochs = 2", 1),
     "stage 1 of train.stages: {image_size = 64, epochs = 1, global_batch = 4, lr = 0.001} -> "
     "{image_size = 64, epochs = 2, global_batch = 4, lr = 0.001}"),
    (CALM.replace("128", "64"), "model.image_size: 128 -> 64"),
    ("{image_size = 64, epochs = 1}", "is of stage 2, and train.stages has fewer stages"),
])
def test_stages_that_were_trained_cannot_change(alone, copy, stages, told):
    run = copy(alone, FIRST + 1)
    result = run.resume(train__stages=f"[{stages}]")
    assert result.returncode == 78
    assert len(errors(result.stderr)) == 1 and told in errors(result.stderr)[0], result.stderr
    assert run.steps() == [1, 2, 3, 4]  # none is set aside


# ---- Before anything is trained ------------------------------------------------------------------

@pytest.mark.parametrize("stages, told", [
    ("[]", "train.stages must be"),
    ("[{epochs = 0}]", "epochs of stage 1 of train.stages must be"),
    ("[{image_size = 128}, {image_size = 64}]", "stage 2 of train.stages: image_size = 64 is less"),
    ("[{image_size = 64}, {image_size = 256}]",
     "stage 2 of train.stages: image_size = 256 is more than the 128 px of "),
])
def test_bad_stages_are_told_at_the_start(new_run, stages, told):
    run = new_run(train__stages=stages)
    result = run.train()
    assert result.returncode == 78
    assert len(errors(result.stderr)) == 1 and told in errors(result.stderr)[0], result.stderr
    assert not run.out.exists()


def test_a_dry_run_opens_every_stage(new_run):
    run = new_run(train__stages=STAGES)
    result = run.train("--dry-run")
    assert result.returncode == 0, result.stderr
    assert re.findall(r"^model: (\d+) px", result.stderr, re.M) == ["64", "128"]
    assert re.findall(r"^stage .*: from step (\d+) on$", result.stderr, re.M) == ["1", str(FIRST + 1)]
    assert not run.out.exists()


def test_inspect_and_plan_tell_stages(staged, tmp_path):
    shown = bifrons("inspect", staged.checkpoint(LAST)).stdout
    assert re.search(r"^stage +2$", shown, re.M)
    (tmp_path / "c.toml").write_text((staged.out / "config.resolved.toml").read_text())
    plan = bifrons("plan", tmp_path / "c.toml").stdout
    assert "stage 1 of 2: 64 px" in plan and "stage 2 of 2: 128 px" in plan
    assert '"image_size": 128,' in bifrons("plan", "--json", tmp_path / "c.toml").stdout


def test_the_list_in_prod512_is_one(tmp_path):
    text = (SOURCE / "configs/prod512.toml").read_text()
    (tmp_path / "prod512.toml").write_text(re.sub(r"^#   (?!bifrons)", "", text, flags=re.M))
    plan = bifrons("plan", tmp_path / "prod512.toml").stdout
    assert re.findall(r"^stage (\d) of 3: (\d+) px", plan, re.M) == [("1", "128"), ("2", "256"), ("3", "512")]
