"""bifrons plan from the outside: the table, JSON, the chart, the examples, and bad input."""

import json
import subprocess

import PIL.Image
import pytest

from conftest import PROGRAM, ROOT

LIGHT = ROOT / "configs/light128.toml"
CLUSTERS = sorted((ROOT / "configs/clusters").glob("*.toml"))


def plan(bifrons, *arguments):
    result = bifrons("plan", "--json", *arguments)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_the_table_tells_parameters_memory_and_times(bifrons):
    result = bifrons("plan", LIGHT, "--cluster", ROOT / "configs/clusters/gpu8x80.toml")
    assert result.code == 0 and result.err == ""
    for words in ("6,696,134 parameters", "Work of a pair", "Memory of a rank", "Time of a step",
                  "Weak scaling", "Strong scaling", "fits"):
        assert words in result.out
    assert max(map(len, result.out.splitlines())) <= 100
    without = bifrons("plan", LIGHT)
    assert "Memory of a rank" in without.out and "Time of a step" not in without.out


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda path: path.stem)
def test_examples_can_be_planned_for(bifrons, cluster):
    told = plan(bifrons, LIGHT, "--cluster", cluster)
    assert told["cluster"]["fits_fp32"]
    step = told["step"]["fp32"]
    parts = ("augmentation", "forward", "backward", "losses", "update", "exposed", "slowed", "data",
             "host")
    assert step["total"] == pytest.approx(sum(step[part] for part in parts))
    assert told["cluster"]["scaling"]["weak"][0]["ranks"] == 1


def test_keys_change_what_they_should(bifrons):
    plain = plan(bifrons, LIGHT, "--ranks", 4)
    zero = plan(bifrons, LIGHT, "--ranks", 4, "--set", "train.zero=1")
    pieces = plan(bifrons, LIGHT, "--ranks", 4, "--set", "train.accumulate=2")
    larger = plan(bifrons, LIGHT, "--ranks", 4, "--set", "model.image_size=256")
    memory = plain["memory"]["fp32"]
    assert zero["memory"]["fp32"]["moments"] == memory["moments"] / 4
    assert pieces["memory"]["fp32"]["activations"] == memory["activations"] / 2
    assert larger["forward_flops"] > 1.4 * plain["forward_flops"]
    assert plain["parameters"]["all"] == 6696134 == sum(
        plain["parameters"][part] for part in ("encoder", "decoder_a", "decoder_b"))


def test_stages_have_the_epochs_that_max_steps_leaves(bifrons):
    stages = "train.stages=[{image_size=64, epochs=2}, {image_size=128, epochs=5}, {image_size=128, epochs=1}]"
    words = ["plan", LIGHT, "--pictures", 20, "--set", "train.global_batch=8", "--set", stages]

    def heads(*more):
        result = bifrons(*words, *more)
        assert result.code == 0, result.err
        return [line.split(": ", 1)[1] for line in result.out.splitlines() if line.startswith("stage ")]

    assert heads() == ["64 px, epochs = 2", "128 px, epochs = 5", "128 px, epochs = 1"]
    assert heads("--set", "train.max_steps=10") == [
        "64 px, epochs = 2", "128 px, epochs = 2 of 5, the last step is 10 (train.max_steps)",
        "128 px, epochs = 0 of 1, the last step is 10 (train.max_steps)"]


def test_the_chart_is_a_picture(bifrons, tmp_path):
    result = bifrons("plan", LIGHT, "--cluster", CLUSTERS[0], "--chart", "scaling.png")
    if result.code == 69:
        pytest.skip("built without cairo")
    assert result.code == 0, result.err
    with PIL.Image.open(tmp_path / "scaling.png") as picture:
        assert picture.size[0] >= 1200 and len(picture.getcolors(1 << 20)) > 50


def test_nothing_heavy_is_loaded():
    libraries = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout
    assert "libc.so" in libraries
    assert "libtorch" not in libraries and "libmpi" not in libraries


@pytest.mark.parametrize("arguments, code, message", [
    ([], 64, "which configuration?"),
    (["none.toml"], 66, "none.toml"),
    ([LIGHT, "--cluster", "none.toml"], 66, "none.toml"),
    ([LIGHT, "--ranks", "0"], 64, "--ranks 0"),
    ([LIGHT, "--ranks", "9"], 78, "train.global_batch = 8"),
    ([LIGHT, "--pictures", "many"], 64, "--pictures many"),
    ([LIGHT, "--chart", "x.png"], 64, "--cluster"),
    ([LIGHT, "--set", "train.lrr=1"], 78, "train.lr"),
    ([LIGHT, "--cluster", LIGHT], 78, "light128.toml"),
    ([LIGHT, "--cluster", CLUSTERS[0], "--chart", "no/folder/x.png"], 74, "no/folder/x.png"),
])
def test_bad_input_is_told_once(bifrons, arguments, code, message):
    result = bifrons("plan", *arguments)
    assert result.code == code
    assert message in result.err
