"""bifrons extract and swap --into on videos, from the outside: frames of rendered people with a tone. What is read and
written exactly is for tests/data/test_video.py. Where FFmpeg or the networks are missing, this is skipped."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import numpy
import PIL.Image
import pytest

from conftest import PROGRAM, Result, small_disk
from cut_faces import MODELS, PICTURES, contents, extract, needs_models, pixels, rows
from test_extract_resume import stop
from test_into import REFERENCES, knowing  # noqa: F401 (a fixture)

HELPER = pathlib.Path(PROGRAM).with_name("bifrons-video")

needs_video = pytest.mark.skipif(not HELPER.exists() or not shutil.which("ffmpeg"),
                                 reason="this build has no bifrons-video, or there is no ffmpeg to make videos")

W, H, RATE = 288, 272, 10
SHOWN = ["a0003", "a0003", "a0009", "b0003", None, "a0009"]  # Ada, Ada, Ada, Bo, nobody, Ada
OF_ADA = [0, 1, 2, 5]


def make_film(path, pictures):
    """H.264 with AAC, of pictures of 256 x 256 (None: nothing to see); each is 2 pixels to the right of the one before."""
    frames = b""
    for k, shown in enumerate(pictures):
        canvas = numpy.full((H, W, 3), (90, 110, 130), "uint8")
        if shown is not None:
            canvas[8:264, 2 * k % 32:2 * k % 32 + 256] = shown
        frames += canvas.tobytes()
    subprocess.run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{W}x{H}", "-r", str(RATE),
                    "-i", "-", "-f", "lavfi", "-i", f"sine=duration={len(pictures) / RATE}", "-vf", "scale=out_color_matrix=bt709",
                    "-colorspace", "bt709", "-c:v", "libx264", "-crf", "8", "-pix_fmt", "yuv420p", "-c:a", "aac",
                    f"file:{path}"], input=frames, check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """The name begins with a dash and has a space."""
    return make_film(tmp_path_factory.mktemp("film") / "-my film.mp4", [name and pixels(name) for name in SHOWN])


def frames_of(path):
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", f"file:{path}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                          capture_output=True, check=True, timeout=60)
    return numpy.frombuffer(done.stdout, "uint8").reshape(-1, H, W, 3).astype(int)


def probed(path, *what):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "csv=p=0", *what, f"file:{path}"], capture_output=True,
                          text=True, check=True, timeout=60)
    return [line.rstrip(",") for line in done.stdout.splitlines() if line]


def frame_times(path):
    return [float(t) for t in probed(path, "-select_streams", "v", "-show_entries", "frame=pts_time")]


# ---- Extract -----------------------------------------------------------------------------------------------------------

@needs_models
@needs_video
def test_faces_are_cut_out_of_a_video(bifrons, film, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(film, tmp_path / "in")
    (tmp_path / "in/torn.mp4").write_bytes(film.read_bytes()[:9000])
    said = extract(bifrons, "in", *REFERENCES, "--min-difference", "0").err
    assert "in/torn.mp4: it is damaged, or not a video: " in said and "unreadable, left out: 1: in/torn.mp4" in said
    *faces, torn = rows(tmp_path / "out/faces.csv")
    assert (torn["source"], torn["time"], torn["verdict"]) == ("in/torn.mp4", "", "unreadable")
    assert [float(row["time"]) for row in faces] == [k / RATE for k in range(len(SHOWN))]
    assert [row["name"] != "" for row in faces] == [k in OF_ADA for k in range(len(SHOWN))]
    assert [row["verdict"] for row in faces] == ["kept"] * 3 + ["other person", "no face", "kept"]
    assert faces[5]["name"] == "000004--my film.png" and (tmp_path / "out/000004--my film.png").exists()
    assert {row["source"] for row in faces} == {"in/-my film.mp4"}
    assert "no face, left out: 1: in/-my film.mp4 at 0.40 s" in said
    # the same place in the picture, cut in the same way: the face moves by two pixels a frame
    first, second = (float(row["m02"]) / float(row["m00"]) for row in faces[:2])
    assert 1 < first - second < 3


@needs_models
@needs_video
def test_frames_are_chosen(bifrons, film, tmp_path):
    extract(bifrons, film, *REFERENCES, "--min-difference", "0", "--from", "0.1", "--to", "0.5", "--every", "2")
    assert [float(row["time"]) for row in rows(tmp_path / "out/faces.csv")] == [0.1, 0.3]


@needs_models
@needs_video
def test_extract_stops_and_goes_on_inside_a_video(bifrons, film, tmp_path):
    long = tmp_path / "long.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-stream_loop", "1", "-i", f"file:{film}", "-an", "-c", "copy", long], check=True,
                   timeout=60)
    arguments = long, *REFERENCES, "--min-difference", "0", "--fps", "9"  # frames in between are passed over on both ways
    extract(bifrons, *arguments, out="whole")
    code, said = stop(tmp_path, long, signal.SIGINT, *arguments[1:], "--threads", "1")
    assert code == 75 and "the same command with --resume goes on" in said
    done = len(rows(tmp_path / "stopped.part/faces.csv"))
    assert 2 <= done < len(rows(tmp_path / "whole/faces.csv"))
    assert not (tmp_path / "stopped").exists()
    said = extract(bifrons, *arguments, "--resume", out="stopped").err
    assert f"going on after {done} pictures" in said
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


@needs_models
def test_options_of_videos_need_a_video(bifrons):
    said = extract(bifrons, PICTURES / "a0003.jpg", "--fps", "2", code=64).err
    assert "--from, --to, --every and --fps are for videos, and" in said and "a0003.jpg holds none" in said


@pytest.mark.parametrize("arguments, said", [
    (["--fps", "0"], "--fps is a number above 0"), (["--fps", "nan"], "--fps is a number above 0"),
    (["--every", "0"], "--every 0: a whole number from 1"), (["--from", "-1"], "--from -1: write seconds as a number, 0 or more"),
    (["--from", "2", "--to", "1"], "--to 1 is not after --from 2"),
])
def test_bad_choices_of_frames_are_told(bifrons, arguments, said):
    result = bifrons("extract", "x.mp4", "-o", "out", "--person", "Ada", "--consent", "yes", *arguments)
    assert result.code == 64 and said in result.err


# ---- Swap --------------------------------------------------------------------------------------------------------------

@pytest.fixture
def swap(bifrons, knowing):
    def run(given, *arguments, out="out/film.mp4", code=0):
        result = bifrons("swap", knowing, given, "--into", "-o", out, "--models", MODELS, *REFERENCES, *arguments)
        assert result.code == code, result.err
        return result

    return run


@needs_models
@needs_video
def test_a_face_is_swapped_in_a_video(swap, film, tmp_path):
    """Only Ada's frames change, and each carries the label; times and sound stay; the file says what it is."""
    said = swap(film).err
    assert "2 frames are as they were: 1 without a face, 1 without one of Ada; the longest parts: 0.30 to 0.40 s (2 frames)\n" in said
    assert "out/film.mp4: 6 frames, 4 of them composites (libx264, sound copied)" in said
    out = tmp_path / "out/film.mp4"
    assert sorted(os.listdir(tmp_path / "out")) == ["film.mp4", "film.txt"]
    assert frame_times(out) == frame_times(film)
    sound = "-select_streams", "a", "-show_entries", "packet=pts_time,size"
    assert probed(out, *sound) == probed(film, *sound) and len(probed(out, *sound)) > 20
    change = abs(frames_of(out) - frames_of(film)).max(-1)
    for k in range(len(SHOWN)):
        label, rest = change[k][-26:, -39:], change[k][:-30]
        assert (label.mean() > 40) == (k in OF_ADA), f"frame {k}: {label.mean()}"
        assert ((rest > 20).sum() > 500) == (k in OF_ADA), f"frame {k}: {(rest > 20).sum()}"
    note = (tmp_path / "out/film.txt").read_text()
    assert "replaced: the face of Ada, by one of Bo\n" in note and "consent of Bo:\nBo agreed, too" in note
    checkpoint = note.split("checkpoint (XXH3-128): ")[1][:32]
    assert f"(compositeWithTrainedAlgorithmicMedia, checkpoint {checkpoint})" in probed(out, "-show_entries", "format_tags=comment")[0]
    assert f"<bifrons:checkpoint>{checkpoint}<".encode() in out.read_bytes()
    os.remove(tmp_path / "out/film.txt")  # the container says it, too
    assert "1 input is already a composite" in swap(out, "--to", "0.1", out="twice.mp4").err


@needs_models
@needs_video
def test_a_blurred_face_is_followed_but_not_a_cut(swap, tmp_path):
    """Between its sharp pictures, Ada's face is too blurred to be told by identity alone. Bo's, at the same place, is not Ada's."""
    def blurred(width):
        return (sum(numpy.roll(pixels("a0003").astype(int), k - width // 2, 1) for k in range(width)) / width).astype("uint8")

    widths = [1, 8, 15, 22, 28, 22, 15, 8, 1, 8, 15, 22]
    film = make_film(tmp_path / "film.mp4", [*map(blurred, widths), pixels("b0003"), pixels("b0003")])
    said = swap(film).err
    assert "2 frames are as they were: 0 without a face, 2 without one of Ada; the longest parts: 1.20 to 1.30 s (2 frames)\n" in said
    assert "frames a face was recognised by its place and by the frame before" in said
    change = abs(frames_of(tmp_path / "out/film.mp4") - frames_of(film)).max(-1)
    assert [bool((of[:-30] > 20).sum() > 500) for of in change] == [True] * len(widths) + [False] * 2


@needs_models
@needs_video
def test_a_part_is_swapped(swap, film, tmp_path):
    swap(film, "--from", "0.2", "--to", "0.5", out="part.mov")
    out = tmp_path / "part.mov"
    assert frame_times(out) == pytest.approx([0, 0.1, 0.2], abs=1e-6)
    times = [float(line) for line in probed(out, "-select_streams", "a", "-show_entries", "packet=pts_time")]
    assert times[0] < 0.03 and 0.25 < times[-1] < 0.3
    said = swap(film, "--to", "0.1", "--no-sound", out="part.mov").err  # over its own result
    assert "sound left out" in said and "1 earlier composite is replaced: part.mov" in said
    assert "already a composite" not in said
    assert probed(out, "-select_streams", "a", "-show_entries", "packet=pts_time") == []


@needs_models
@needs_video
def test_without_the_person_nothing_is_written(swap, film, tmp_path):
    said = swap(film, "--from", "0.3", "--to", "0.5", code=65).err
    assert "no face of Ada was found in 2 frames of " in said and "nothing was written" in said
    assert os.listdir(tmp_path / "out") == []


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("long") / "long.mp4", [pixels("a0003")] * 90)


def stop_swap(knowing, film, folder, how):
    """Stops while frames are being written. Returns the exit code, what was said, and what is left in the folder."""
    with open(folder.with_suffix(".err"), "w") as err:
        process = subprocess.Popen([PROGRAM, "swap", knowing, film, "--into", "-o", folder / "film.mp4", "--models", MODELS,
                                    *map(str, REFERENCES)], start_new_session=True, stderr=err)
    while not (folder.exists() and any(".tmp." in name for name in os.listdir(folder))):
        assert process.poll() is None
        time.sleep(0.01)
    how(process.pid)
    code = process.wait(timeout=60)
    until = time.monotonic() + 60
    while any(".tmp." in name for name in os.listdir(folder)) and time.monotonic() < until:  # the helper removes its file after that
        time.sleep(0.01)
    return code, folder.with_suffix(".err").read_text(), sorted(os.listdir(folder))


def kill_reader(pid):
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid and b"\0read\0" in stat.with_name("cmdline").read_bytes():
                os.kill(int(stat.parent.name), signal.SIGKILL)
                return
    raise AssertionError("no reader")


@needs_models
@needs_video
def test_a_kill_leaves_no_half_video(knowing, long_film, tmp_path):
    code, _, left = stop_swap(knowing, long_film, tmp_path / "out", lambda pid: os.kill(pid, signal.SIGKILL))
    assert code == -signal.SIGKILL and left == []


@needs_models
@needs_video
@pytest.mark.parametrize("how, wanted, why", [  # Ctrl-C reaches all processes of the terminal
    (lambda pid: os.killpg(pid, signal.SIGINT), 75, "stopped on request"), (kill_reader, 65, "long.mp4: bifrons-video ")])
def test_finished_frames_are_kept(knowing, long_film, tmp_path, how, wanted, why):
    """With their sound and the note; but not over the composite of an earlier run."""
    code, said, left = stop_swap(knowing, long_film, tmp_path / "out", how)
    assert code == wanted and left == ["film.mp4", "film.txt"], said
    out = tmp_path / "out/film.mp4"
    end = len(frame_times(out)) / RATE
    assert frame_times(out) == frame_times(long_film)[:len(frame_times(out))] and 0 < end < 9
    assert f"film.mp4 ends at {end:.3f} s of {long_film}: " in said and f"--from {end - 1 / RATE + 0.001:.3f} writes the rest" in said and why in said
    assert end - 0.1 < float(probed(out, "-select_streams", "a", "-show_entries", "packet=pts_time")[-1]) <= end
    first = out.read_bytes()
    code, said, left = stop_swap(knowing, long_film, tmp_path / "out", how)
    assert code == wanted and left == ["film.mp4", "film.txt"] and why in said
    assert "film.mp4 is left as it was: " in said and out.read_bytes() == first


@needs_models
@needs_video
def test_a_full_disk_leaves_neither_video_nor_note(swap, film, tmp_path):
    """The encoder holds so few frames back until the end: only then the disk turns out to be full."""
    with small_disk(tmp_path / "disk", "8k") as disk:
        said = swap(film, out="disk/film.mp4", code=74).err
        assert "No space left on device" in said and os.listdir(disk) == []


@needs_video
def test_bad_usage_is_told(bifrons, knowing, film):
    into = "swap", knowing, film, "--into", "-o"
    assert "videos are written as .mp4 or .mov" in bifrons(*into, "out.png", *REFERENCES).err
    result = bifrons("swap", knowing, film, "-o", "out")
    assert result.code == 65 and "--into puts the face back into the video; bifrons extract cuts faces" in result.err
    result = bifrons("swap", knowing, PICTURES / "a0003.jpg", "--into", "-o", "out", "--from", "1", *REFERENCES)
    assert result.code == 64 and "is no video: leave out --from, --to and --no-sound" in result.err
    result = bifrons(*into, film, *REFERENCES)
    assert result.code == 64 and "would overwrite its input" in result.err
