"""Networks of another make than the light one, from the outside: they train on two ranks, go on
without a trace of having stopped, and swap; Python loads them."""

import json

from exact_runs import BIFRONS, checkpoint, command, losses, run, sets, tensors, train  # noqa: F401

EVERYTHING = ["model.bottleneck=dense", "model.width=16", "model.width_max=48", "model.blocks=1",
              "model.upsample=subpixel", "model.norm=group", "model.mask=true",
              "model.mean_codes=true", "augment.back_translation=0.5",
              "train.precision=bf16", "checkpoint.every_steps=2"]


def test_every_option_trains_resumes_and_swaps(sets, tmp_path):  # noqa: F811
    result = train(sets, tmp_path / "whole", ranks=2, keys=EVERYTHING)
    assert "parameters: encoder" in result.stderr
    train(sets, tmp_path / "rest", "--resume", checkpoint(tmp_path / "whole", 2), ranks=2,
          keys=EVERYTHING)
    assert tensors(tmp_path / "rest") == tensors(tmp_path / "whole")
    swapped = run(BIFRONS, "swap", checkpoint(tmp_path / "rest"), sets / "a.h5", "-o",
                  tmp_path / "swapped")
    assert swapped.returncode == 0, swapped.stderr
    assert len(list((tmp_path / "swapped").glob("*.png"))) == 20
    told = run(BIFRONS, "inspect", "--json", checkpoint(tmp_path / "rest"))
    model = json.loads(told.stdout)["record"]["model"]
    assert model["bottleneck"] == "dense" and model["mask"] is True and model["width_max"] == 48


def test_stages_computed_again_change_no_bit(sets, tmp_path):  # noqa: F811
    keys = [*EVERYTHING, "train.accumulate=2"]
    train(sets, tmp_path / "kept", ranks=2, keys=keys)
    train(sets, tmp_path / "again", ranks=2, keys=[*keys, "train.recompute=true"])
    assert losses(tmp_path / "again") == losses(tmp_path / "kept")
    assert tensors(tmp_path / "again") == tensors(tmp_path / "kept")


def test_another_network_is_none_to_go_on_with(sets, tmp_path):  # noqa: F811
    train(sets, tmp_path / "run", keys=EVERYTHING)
    result = run(*command(sets, tmp_path / "other", "--resume", checkpoint(tmp_path / "run"),
                          keys=EVERYTHING[1:]))
    assert result.returncode == 78 and "model.bottleneck" in result.stderr, result.stderr
