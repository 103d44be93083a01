"""Why something did not work, and where it ended: the operating system's own reason comes first, output
that is lost is an error, what is no file is never waited for, and a command's end says what comes next."""
import os
import shlex
import socket
import subprocess

import h5py
import pytest

from conftest import PROGRAM
from test_bad_input import SMALL, refused, sets, write_set  # noqa: F401 (sets: a fixture)


def run(*words, cwd=None, **more):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=cwd, text=True, timeout=120,
                          **{"stdin": subprocess.DEVNULL, "capture_output": True, **more})


@pytest.fixture(scope="module")
def trained(sets, tmp_path_factory):
    """A finished run in a folder whose name needs quotes, and what it said."""
    folder = tmp_path_factory.mktemp("reasons")
    done = run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", "my run",
               "--epochs", 1, *SMALL, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


# ---- standard output ----------------------------------------------------------------------------

PRINTING = {
    "help": ["--help"],
    "version": ["--version"],
    "a command's help": ["pack", "--help"],
    "usage": ["synth", "--usage"],
    "keys": ["train", "--print-keys"],
    "configuration": ["train", "--print-config"],
    "plan": ["plan", "PLAN"],
    "plan as JSON": ["plan", "PLAN", "--json"],
    "set": ["inspect", "A"],
    "set as JSON": ["inspect", "A", "--json"],
    "checkpoint": ["inspect", "BEST"],
    "info": ["info"],
    "info as JSON": ["info", "--json"],
    "the engine's help": ["eval", "--help"],
    "eval as JSON": ["eval", "BEST", "--json"],
}


@pytest.mark.parametrize("name", PRINTING)
@pytest.mark.parametrize("way", ["full", "closed"])
def test_output_that_is_lost_is_an_error(trained, sets, tmp_path, name, way):
    (tmp_path / "plan.toml").write_text("")
    known = {"PLAN": tmp_path / "plan.toml", "A": sets / "a.h5",
             "BEST": trained[0] / "my run/checkpoints/best.pt"}
    words = [PROGRAM, *(str(known.get(word, word)) for word in PRINTING[name])]
    result = subprocess.run(["sh", "-c", '"$@" >&-' if way == "closed" else '"$@" >/dev/full', "sh",
                             *words], cwd=trained[0], stderr=subprocess.PIPE, text=True, timeout=120)
    reason = "No space left on device" if way == "full" else "Bad file descriptor"
    assert result.returncode == 74, result.stderr
    assert result.stderr.splitlines()[-1] == f"error: cannot write to standard output: {reason}"


def test_a_measurement_whose_result_is_lost_is_an_error(sets, tmp_path):
    with open("/dev/full", "w") as full:
        for how in ("--find-lr=20", "--find-batch"):
            result = run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", how, *SMALL,
                         cwd=tmp_path, capture_output=False, stdout=full, stderr=subprocess.PIPE)
            refused(result, 74, "standard output: No space left on device")


def test_an_earlier_error_keeps_its_code(tmp_path):
    with open("/dev/full", "w") as full:
        result = run("inspect", "gone.h5", cwd=tmp_path, capture_output=False, stdout=full,
                     stderr=subprocess.PIPE)
    refused(result, 66, "no such file: gone.h5")


def test_nothing_printed_needs_no_output(sets, tmp_path):
    result = subprocess.run(["sh", "-c", '"$@" >&- <&-', "sh", PROGRAM, "train", "--dry-run", "--data-a",
                             sets / "a.h5", "--data-b", sets / "b.h5", *SMALL], cwd=tmp_path,
                            stderr=subprocess.PIPE, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("ignored", [False, True])
def test_a_reader_that_has_seen_enough_is_no_error_to_tell(ignored):
    trap = "trap '' PIPE; " if ignored else ""
    result = subprocess.run(["bash", "-c", f'{trap}"$@" | true; echo ${{PIPESTATUS[0]}}', "sh", PROGRAM,
                             "train", "--print-keys"], capture_output=True, text=True, timeout=60)
    assert not result.stderr and result.stdout.strip() in ("141", "74", "0")


# ---- what is no file, and files that cannot be read ---------------------------------------------

NO_FILES = {
    "pipe": "it is a FIFO, not a regular file",
    "socket": "it is a socket, not a regular file",
    "device": "it is a device, not a regular file",
    "folder": "a folder",
    "failing": "Input/output error",
    "loop": "Too many levels of symbolic links",
    "below a file": "Not a directory",
    "long": "File name too long",
}


@pytest.fixture
def no_file(tmp_path):
    def make(kind):
        path = tmp_path / kind
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            socket.socket(socket.AF_UNIX).bind(str(path))
        elif kind == "folder":
            path.mkdir()
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "below a file":
            (tmp_path / "file").write_text("")
            path = tmp_path / "file" / "x"
        elif kind == "long":
            path = tmp_path / ("x" * 300)
        else:
            path = {"device": "/dev/zero", "failing": "/proc/self/mem"}[kind]
        return path

    return make


READERS = {
    "config": ["train", "X"],
    "plan's config": ["plan", "X"],
    "cluster": ["plan", "PLAN", "--cluster", "X"],
    "inspect": ["inspect", "X"],
    "eval": ["eval", "X"],
    "swap": ["swap", "X", "A", "-o", "out"],
    "resume": ["train", "--resume", "X", "TRAIN"],
    "init-from": ["train", "--init-from", "X", "TRAIN"],
    "weights": ["train", "--perceptual", "--set", "loss.perceptual_weights=X", "TRAIN"],
    "data": ["train", "--data-a", "X", "--data-b", "B", "--consent", "yes"],
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("reader", READERS)
def test_the_systems_reason_comes_first(sets, tmp_path, no_file, reader, kind):
    if reader == "data" and kind == "folder":
        pytest.skip("a folder of pictures is packed")
    (tmp_path / "plan.toml").write_text("")
    known = {"PLAN": [tmp_path / "plan.toml"], "A": [sets / "a.h5"], "B": [sets / "b.h5"],
             "TRAIN": ["--data-a", sets / "a.h5", "--data-b", sets / "b.h5", *SMALL]}
    path, words = no_file(kind), []
    for word in READERS[reader]:
        words += known.get(word, [word if word != "X" else path])
        if "=X" in word:
            words[-1] = word.replace("X", str(path))
    result = run(*words, cwd=tmp_path)
    refused(result, 74 if kind == "failing" else 66, NO_FILES[kind])


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket"])
def test_a_file_replaces_nothing_but_files(sets, tmp_path, no_file, kind):
    path = no_file(kind)
    before = os.stat(path)
    result = run("inspect", sets / "a.h5", "--sheet", path)
    refused(result, 74, "cannot write", "not a regular file")
    assert os.path.samestat(before, os.stat(path))


def test_a_checkpoint_that_cannot_be_opened_is_kept(trained, tmp_path):
    """Neither set aside nor passed over: it may be as good as any."""
    folder = tmp_path / "run"
    subprocess.run(["cp", "-a", trained[0] / "my run", folder], check=True)
    newest = os.readlink(folder / "checkpoints/latest.pt")
    (folder / "checkpoints" / newest).rename(tmp_path / "kept")
    os.mkfifo(folder / "checkpoints" / newest)
    result = run(*trained[1].args[1:], "--out", folder, "--epochs", 9, cwd=trained[0])
    refused(result, 66, newest, "it is a FIFO")
    assert (folder / "checkpoints" / newest).is_fifo()


def test_a_run_folder_in_a_checkpoints_place_is_told_apart(trained):
    for words in (("eval", "my run"), ("inspect", "my run")):
        refused(run(*words, cwd=trained[0]), 66, "my run is the folder of a run", "my run/checkpoints/best.pt")


@pytest.mark.parametrize("given, told", [
    (r"C:\Users\x\a.h5", "Windows path"),
    ("C:\temp.h5", "control character"),
    ("~/a.h5", "has not expanded ~"),
    ("$HOME/a.h5", "the shell's"),
    ("\u201ca.h5\u201d", "quotes are part of the given path"),
    ("a.h5 ", "ends with a blank"),
])
def test_a_missing_path_is_explained(tmp_path, given, told):
    quoted = given.replace("\\", "\\\\").replace("\t", "\\t")
    (tmp_path / "c.toml").write_text(f'[data]\na = "{quoted}"\nb = "b"\n')
    refused(run("train", "c.toml", cwd=tmp_path), 66, "data.a = ", "no such file", told)


def test_a_chart_that_cannot_be_written_is_refused_before_the_steps(sets, tmp_path):
    for chart, reason in [("gone/c.png", "No such file"), (".", "it is a folder")]:
        result = run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--find-lr", "--chart",
                     chart, *SMALL, cwd=tmp_path)
        refused(result, 74, reason)
        assert "step" not in result.stderr


def test_a_set_that_plan_cannot_open_is_named(tmp_path):
    (tmp_path / "a.h5").write_text("no set")
    (tmp_path / "c.toml").write_text('data.a = "a.h5"\ndata.b = "b.h5"\n')
    result = run("plan", "c.toml", cwd=tmp_path)
    assert result.returncode == 0 and "not counted: a.h5" in result.stderr


# ---- memory -------------------------------------------------------------------------------------

def test_a_limit_that_libtorch_does_not_survive_is_named(tmp_path):
    result = subprocess.run(["bash", "-c", 'ulimit -v 300000; "$@"', "bash", PROGRAM, "info"],
                            capture_output=True, text=True, timeout=60)
    refused(result, 70, "within the 307 MB that ulimit -v allows", "ulimit -v unlimited")


def test_a_step_without_memory_names_what_it_depends_on(sets, tmp_path):
    """512 channels at 64 px and more than 3 GB of moments and activations, in 2.5 GB."""
    words = [PROGRAM, "train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", *SMALL,
             "--set", "model.width=512", "--set", "model.width_max=4096"]
    result = subprocess.run(["bash", "-c", 'ulimit -v 2500000; "$@"', "bash", *map(str, words)],
                            cwd=tmp_path, capture_output=True, text=True, timeout=120)
    refused(result, 70, "train.global_batch = 2 on 1 rank", "train.accumulate = 1",
            "train.recompute = false", "Try train.accumulate = 2", "train.recompute = true")


# ---- the end ------------------------------------------------------------------------------------

def line_with(text, start):
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_a_run_ends_with_what_was_reached_and_what_comes_next(trained):
    folder, done = trained
    assert done.stdout == ""
    reached = line_with(done.stderr, "reached: ")
    assert "epoch 1 of 1" in reached and "validation loss" in reached and "best reconstruction loss" in reached
    assert "reconstruction L1" in reached and "swap" not in reached
    places = shlex.split(line_with(done.stderr, "checkpoints: ").replace(";", " "))
    for name in ("checkpoints/best.pt", "checkpoints/latest.pt", "report.html"):
        assert f"my run/{name}" in places
    preview = next(word for word in places if "/previews/" in word)
    assert (folder / preview).is_file()
    for start in ("next: ", "bifrons swap"):
        words = shlex.split(line_with(done.stderr, start).replace("next: ", ""))
        again = run(*words[1:], cwd=folder)
        assert words[0] == "bifrons" and again.returncode == 0, again.stderr
    assert (folder / "my run/swapped").is_dir()


def test_a_finished_run_says_it_again(trained):
    folder, done = trained
    again = run(*done.args[1:], cwd=folder)
    assert again.returncode == 0 and "nothing left to do" in again.stderr
    assert line_with(again.stderr, "reached: ") == line_with(done.stderr, "reached: ")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_stopped_run_says_how_it_goes_on(sets, tmp_path, ranks):
    words = ["train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", "my run",
             "--resume", "none", "--epochs", "1000", *SMALL, "--set", "train.max_minutes=0.0001"]
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    result = subprocess.run([*launcher, PROGRAM, *map(str, words)], cwd=tmp_path, text=True,
                            capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    assert result.returncode == 75, result.stderr
    command = shlex.split(line_with(result.stderr, "to go on: ").removeprefix("to go on: "))
    assert command[:len(launcher)] == launcher
    assert command[len(launcher):] == ["bifrons", *map(str, words), "--resume", "auto"]
    again = run(*command[len(launcher) + 1:], cwd=tmp_path)
    assert again.returncode == 75 and "resumed from" in again.stderr, again.stderr


def test_eval_says_why_a_column_is_empty(trained, sets, tmp_path):
    result = run("eval", trained[0] / "my run/checkpoints/best.pt", "--json")
    assert result.returncode == 0
    assert f"{sets}/a.h5 and {sets}/b.h5 without true swaps: " in result.stderr
    assert f"{sets}/a.h5 and {sets}/b.h5 without face masks: " in result.stderr
    write_set(tmp_path / "c.h5", 4)
    with h5py.File(tmp_path / "c.h5", "a") as f:
        f["truth"] = f["images"][()]
        f["masks"] = f["images"][..., 0] * 0 + 255
    result = run("eval", trained[0] / "my run/checkpoints/best.pt", "--data-a", tmp_path / "c.h5")
    assert f"\n{sets}/b.h5 without true swaps: " in "\n" + result.stderr


def test_eval_says_that_nothing_was_held_out(sets, tmp_path):
    out = tmp_path / "run"
    done = run("train", "--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out, "--set",
               "train.max_steps=1", "--set", "data.val_fraction=0", *SMALL)
    assert done.returncode == 0 and "not validated" in line_with(done.stderr, "reached: ")
    assert line_with(done.stderr, "next: ").startswith("next: bifrons swap ")
    result = run("eval", out / "checkpoints/latest.pt")
    assert result.returncode == 0
    assert "A>B is empty" in result.stderr and "data.val_fraction = 0" in result.stderr


def test_drawing_and_packing_say_what_comes_next(tmp_path):
    drawn = run("synth", "my faces", "--count", 3, "--size", 64, cwd=tmp_path)
    if drawn.returncode == 69:
        pytest.skip("built without cairo")
    for start, name in [("next: ", "a.h5"), ("bifrons pack 'my faces/person_b'", "b.h5")]:
        words = shlex.split(line_with(drawn.stderr, start).replace("next: ", ""))
        packed = run(*words[1:], cwd=tmp_path)
        assert packed.returncode == 0 and (tmp_path / "my faces" / name).is_file(), packed.stderr
        assert f"--set data.a='my faces/{name}' --set data.b=OTHER.h5" in line_with(packed.stderr, "next: ")
