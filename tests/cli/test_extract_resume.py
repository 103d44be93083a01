"""bifrons extract: stopped, killed and resumed, on several threads, on a full disk, and into a set at once."""
import os
import shlex
import signal
import subprocess
import time

import h5py
import numpy
import pytest

from conftest import PROGRAM, save, small_disk
from cut_faces import ada, command, contents, extract, needs_models, pixels, rows

PICTURES = 10


@pytest.fixture
def many(tmp_path):
    """Pictures of one person, each in another light."""
    for i in range(PICTURES):
        light = pixels(("a0003", "a0009")[i % 2]).astype(float) * (0.5 + 0.05 * i)
        save(tmp_path / "many" / f"{i}.png", light.clip(0, 255).astype("uint8"))
    return tmp_path / "many"


def stop(tmp_path, many, how, *arguments):
    """Starts to extract and ends it when two faces are there."""
    process = subprocess.Popen([PROGRAM, *command(many, *arguments, out="stopped")], cwd=tmp_path, text=True,
                               stderr=subprocess.PIPE)
    try:
        while process.poll() is None and not list((tmp_path / "stopped.part").glob("000002*")):
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(how)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, said


@needs_models
def test_a_stopped_run_goes_on_to_the_same_result(bifrons, many, tmp_path):
    extract(bifrons, many, "--threads", "1", out="whole")
    code, said = stop(tmp_path, many, signal.SIGINT, "--threads", "2")
    assert code == 75 and "the same command with --resume goes on" in said
    done = len(rows(tmp_path / "stopped.part/faces.csv"))
    assert 2 <= done < PICTURES and not (tmp_path / "stopped").exists()
    assert "go on with --resume" in extract(bifrons, many, out="stopped", code=64).err
    other = extract(bifrons, many, "--resume", "--size", "128", out="stopped", code=64)
    assert "was begun with other pictures, references or options" in other.err
    said = extract(bifrons, many, "--resume", "--threads", "3", out="stopped").err
    assert f"going on after {done} pictures" in said
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    assert not (tmp_path / "stopped.part").exists()


@needs_models
def test_a_killed_run_goes_on_whatever_it_was_writing(bifrons, many, tmp_path):
    extract(bifrons, many, out="whole")
    assert stop(tmp_path, many, signal.SIGKILL)[0] == -signal.SIGKILL
    with open(tmp_path / "stopped.part/faces.csv", "a") as faces:
        faces.write("half a row")
    extract(bifrons, many, "--resume", out="stopped")
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


@needs_models
def test_a_full_disk_is_told_and_what_is_done_is_kept(bifrons, many, tmp_path):
    with small_disk(tmp_path / "disk", "600k") as disk:
        said = extract(bifrons, many, out="disk/out", code=74).err
        assert "No space left on device" in said and "--resume goes on" in said
        done = len(rows(tmp_path / "disk/out.part/faces.csv"))
        subprocess.run(["mount", "-o", "remount,size=9m", disk], check=True)
        said = extract(bifrons, many, "--resume", out="disk/out").err
        assert f"{PICTURES} faces of Ada of {PICTURES} pictures" in said and 0 < done < PICTURES


@needs_models
def test_a_run_that_fails_after_its_last_frame_goes_on(bifrons, many, tmp_path):
    save(many / "z.png", pixels("b0003"))  # unlike all others: taken out before the failure
    assert stop(tmp_path, many, signal.SIGINT, "--no-identity")[0] == 75
    (tmp_path / "stopped.part/sheet.png").mkdir()  # no place for the contact sheet
    said = extract(bifrons, many, "--no-identity", "--resume", out="stopped", code=74).err
    assert "sheet.png" in said and "--resume goes on" in said and "unlike all other faces, left out: 1" in said
    (tmp_path / "stopped.part/sheet.png").rmdir()
    said = extract(bifrons, many, "--no-identity", "--resume", out="stopped").err
    assert f"{PICTURES} faces of Ada of {PICTURES + 1} pictures, 1 left out" in said
    assert [row["name"] == "" for row in rows(tmp_path / "stopped/faces.csv")] == [False] * PICTURES + [True]
    assert len(rows(tmp_path / "stopped/points.csv")) == PICTURES
    assert not (tmp_path / "stopped/identity.csv").exists() and not (tmp_path / "stopped.part").exists()


@needs_models
def test_a_set_is_written_at_once_as_pack_writes_it(bifrons, ada, tmp_path):
    (tmp_path / "ada.sheet.png").mkdir()  # no place for the sample sheet, which the set does not need
    (ada / "a0003.txt").write_text("Composite with a face drawn by a trained model (Bifrons)\n")  # its note
    said = extract(bifrons, ada, "--size", "128", out="ada.h5").err
    assert f"1 input is already a composite, or drawn by an algorithm: {ada}/a0003.jpg" in said
    (ada / "a0003.txt").unlink()
    assert "no sample sheet of ada.h5: " in said and "2 faces of Ada of 2 pictures" in said
    (tmp_path / "ada.h5.part").mkdir()  # killed before it was removed
    (tmp_path / "ada.h5.part/progress").write_text("")
    said = extract(bifrons, ada, "--size", "128", "--resume", out="ada.h5", code=64).err
    assert "ada.h5 was written, and then the extract was stopped" in said and "delete ada.h5.part" in said
    (tmp_path / "ada.h5.part/progress").unlink()
    (tmp_path / "ada.h5.part").rmdir()
    (tmp_path / "ada.sheet.png").rmdir()
    (tmp_path / "ada.h5").unlink()
    said = extract(bifrons, ada, "--size", "128", out="ada.h5").err
    assert "already a composite" not in said
    assert "next: extract the other person's pictures, then bifrons train" in said and "--set data.a=ada.h5 --set" in said
    assert not (tmp_path / "ada.h5.unsure").exists() and not (tmp_path / "ada.h5.part").exists()
    assert (tmp_path / "ada.sheet.png").exists()
    said = extract(bifrons, ada, "--size", "128", out="it's out").err
    words = shlex.split(said.split("then bifrons ")[1])  # as a shell takes what is pasted
    assert words == ["pack", "it's out", "-o", "FILE.h5"]
    assert bifrons(*words[:-1], "packed.h5").code == 0
    with h5py.File(tmp_path / "ada.h5") as at_once, h5py.File(tmp_path / "packed.h5") as packed:
        assert set(at_once) == set(packed) and at_once["images"].shape == (2, 128, 128, 3)
        for name in packed:
            numpy.testing.assert_array_equal(at_once[name][...], packed[name][...])
