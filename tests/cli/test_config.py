"""Mistakes in the command line and configuration of `bifrons train`: told before anything starts."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("BIFRONS_SOURCE", Path(__file__).resolve().parents[2]))
BIFRONS = os.environ.get("BIFRONS", str(SOURCE / "build/dev/bifrons"))


def train(folder, *arguments, ranks=0):
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return subprocess.run([*launcher, BIFRONS, "train", *map(str, arguments)], cwd=folder,
                          capture_output=True, text=True, timeout=60)


def errors(result):
    return [line for line in result.stderr.splitlines() if "error: " in line]


@pytest.mark.parametrize("text, code, message", [
    ("[train]\nlrr = 1\n", 78, "c.toml:2:1: unknown key train.lrr; did you mean train.lr?"),
    ("[train]\nlr = -1\n", 78, "c.toml:2:6: train.lr must be a number from 0 to 1, not -1"),
    ("[train]\nlr = \"1\"\n", 78, "c.toml:2:6: train.lr must be a number from 0 to 1, not \"1\""),
    ("[train]\nlr = 1\nlr = 1\n", 78, "c.toml:3:6: "),
    ("", 78, "data.a is not set"),
    ("data.a = 'a.h5'\ndata.b = 'b.h5'\n", 66, 'data.a = "a.h5": no such file or folder'),
])
def test_one_message_names_place_and_remedy(tmp_path, text, code, message):
    (tmp_path / "c.toml").write_text(text)
    result = train(tmp_path, "c.toml")
    assert result.returncode == code
    assert len(errors(result)) == 1 and message in errors(result)[0]
    assert result.stdout == ""
    assert [p.name for p in tmp_path.iterdir()] == ["c.toml"]


@pytest.mark.parametrize("arguments, code", [((), 64), (("--bogus",), 64), (("no.toml",), 66)])
def test_exit_codes_of_the_command_line(tmp_path, arguments, code):
    result = train(tmp_path, *arguments)
    assert result.returncode == code and result.stderr


def test_a_mistake_is_told_once_however_many_ranks_make_it(tmp_path):
    (tmp_path / "c.toml").write_text("train.lrr = 1\n")
    result = train(tmp_path, "c.toml", ranks=3)
    assert result.returncode == 78
    assert len(errors(result)) == 1


def test_a_batch_smaller_than_the_world_is_refused(tmp_path):
    result = train(tmp_path, "--data-a", "a", "--data-b", "b", "--batch-size", 2, ranks=3)
    assert result.returncode == 78
    assert "train.global_batch = 2 is smaller than the 3 ranks" in result.stderr


def test_the_corrected_command_line_is_a_command_line(tmp_path):
    (tmp_path / "my a").mkdir()
    (tmp_path / "b").mkdir()
    result = train(tmp_path, "--data-a", "my a", "--data-b", "b")
    assert result.returncode == 64
    command = result.stderr.split("run: ")[1].strip()
    assert command.startswith("bifrons train ")
    corrected = BIFRONS + command.removeprefix("bifrons") + " --print-config"
    again = subprocess.run(corrected, shell=True, cwd=tmp_path, capture_output=True, text=True,
                           timeout=60)
    assert again.returncode == 0
    assert tomllib.loads(again.stdout)["data"]["a"] == "my a"


def test_the_printed_configuration_gives_itself_again(tmp_path):
    first = train(tmp_path, "--print-config", SOURCE / "configs/demo.toml", "--lr", "0.3",
                  "--set", 'name=quo"te')
    assert first.returncode == 0
    parsed = tomllib.loads(first.stdout)
    assert parsed["train"]["lr"] == 0.3 and parsed["name"] == 'quo"te'
    (tmp_path / "again.toml").write_text(first.stdout)
    assert train(tmp_path, "--print-config", "again.toml").stdout == first.stdout


@pytest.mark.parametrize("arguments, folder", [
    (["c.toml"], "runs/c's"), (["c.toml", "-oa b/c"], "a b/c"), (["c.toml", "--ou=x"], "x"),
    (["c.toml", "--out", "x", "--set", "name=y"], "x"), (["c.toml", "--set", "name=y"], "runs/y"),
    (["--data-a", "a", "--data-b", "b"], "runs/run"), (["c.toml", "-o", "--out"], "--out"),
])
def test_the_run_folder_is_printed(tmp_path, arguments, folder):
    (tmp_path / "c.toml").write_text("name = \"c's\"\n")
    result = train(tmp_path, "--print-out", *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (0, folder + "\n", "")
    assert [p.name for p in tmp_path.iterdir()] == ["c.toml"]


@pytest.mark.parametrize("option", ["--dry-run", "--find-lr", "--find-batch", "--print-config"])
def test_no_run_folder_is_printed_for_what_trains_nothing(tmp_path, option):
    result = train(tmp_path, "--print-out", option, "--data-a", "a", "--data-b", "b")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_one_rank_prints_the_run_folder(tmp_path):
    assert train(tmp_path, "--print-out", "-ox", "--data-a", "a", "--data-b", "b", ranks=2).stdout == "x\n"


def test_mistakes_are_told_in_place_of_the_run_folder(tmp_path):
    for arguments, code in (["no.toml"], 66), (["--set", "train.lrr=1"], 78), ([], 64), (["--oout=x"], 64):
        result = train(tmp_path, "--print-out", *arguments)
        assert result.returncode == code and result.stdout == "" and result.stderr


@pytest.mark.parametrize("command", ["synth", "extract", "pack", "inspect", "plan", "train", "eval", "swap", "info"])
@pytest.mark.parametrize("option", ["--version", "-V"])
def test_every_command_tells_the_version(command, option):
    version, asked = ([BIFRONS, "--version"], [BIFRONS, command, option])
    results = [subprocess.run(words, capture_output=True, text=True, timeout=60) for words in (version, asked)]
    assert results[0].returncode == results[1].returncode == 0
    assert results[0].stdout == results[1].stdout != "" and results[1].stderr == ""


def test_help_lists_options_and_every_key(tmp_path):
    result = train(tmp_path, "--help")
    assert result.returncode == 0 and result.stderr == ""
    assert "--resume=auto|none|PATH" in result.stdout
    keys = tomllib.loads(train(tmp_path, "--print-config").stdout)
    for table, values in keys.items():
        for key in values if isinstance(values, dict) else [table]:
            assert f"\n  {key} = " in result.stdout
