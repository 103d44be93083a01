"""Videos through the helper program: pictures as a player shows them, at their exact times; the same frames, times and
sound after a pass through reader and writer; bad files. The videos are made by ffmpeg from small drawn frames."""

import math
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

WORKER = os.environ["VIDEO_WORKER"]
HELPER = os.path.join(os.path.dirname(os.environ["BIFRONS"]), "bifrons-video")

pytestmark = [
    pytest.mark.skipif(not os.path.exists(HELPER), reason="this build has no bifrons-video: FFmpeg's libraries are missing"),
    pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg, which makes the videos, is missing"),
]

W, H = 64, 48
# the quarters: left upper, right upper, left lower, right lower
QUARTERS = [(253, 0, 0), (0, 200, 40), (30, 60, 220), (128, 128, 128)]


def drawn(n):
    """n frames of four coloured quarters; a white bar at the top moves with the frame's number."""
    frames = bytearray()
    for k in range(n):
        for y in range(H):
            for x in range(W):
                white = y < 4 and x // 4 == k % 16
                frames += bytes((255, 255, 255) if white else QUARTERS[2 * (y >= H // 2) + (x >= W // 2)])
    return bytes(frames)


def ffmpeg(path, *options, n=8, fps=10, sound=False):
    """Encodes n drawn frames, with a tone if asked for; the path."""
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={n / fps}"] if sound else []
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{W}x{H}", "-r", str(fps),
               "-i", "-", *tone, *options, f"file:{path}"]
    subprocess.run(command, input=drawn(n), check=True, timeout=60)
    return str(path)


def matrix(name, *more, out_range="tv"):
    return ["-vf", f"scale=out_color_matrix={name[0]}:out_range={out_range}", "-colorspace", name[1],
            "-color_range", out_range, "-c:v", "libx264", "-qp", "0", *more]


BT709 = ("bt709", "bt709")
EXACT = [*matrix(BT709), "-pix_fmt", "yuv444p"]


def work(*words, helper=HELPER, timeout=60):
    return subprocess.run([WORKER, *map(str, words), f"program={helper}"], capture_output=True, text=True, timeout=timeout)


class Read:
    def __init__(self, *words, mode="read"):
        result = work(mode, *words)
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        (_, width, height, self.base, self.duration, self.fps, self.rotation, self.sound, self.codec,
         self.converted) = lines[0].split(" ", 9)
        self.size = int(width), int(height)
        self.duration = float(self.duration)
        frames = [line.split() for line in lines if line.startswith("frame ")]
        self.ticks = [int(f[1]) for f in frames]
        self.times = [float(f[3]) for f in frames]
        self.colours = [[tuple(map(int, c.split(","))) for c in f[4:8]] for f in frames]
        self.problems = next(line for line in lines if line.startswith("problems ")).split(" ", 1)[1]
        self.lines = lines


def assert_quarters(got, wanted, within):
    for a, b in zip(got, wanted):
        assert max(abs(x - y) for x, y in zip(a, b)) <= within, f"{got} instead of {wanted}"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """H.264 with AAC."""
    return ffmpeg(tmp_path_factory.mktemp("plain") / "plain.mp4", *matrix(BT709), "-pix_fmt", "yuv420p", "-bf", "2",
                  "-c:a", "aac", sound=True)


# ---- colours and geometry ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, out_range", [
    (BT709, "tv"), (("bt601", "smpte170m"), "tv"), (("bt2020", "bt2020nc"), "tv"), (BT709, "pc")])
def test_matrix_and_range_of_the_file_are_applied(tmp_path, name, out_range):
    path = ffmpeg(tmp_path / "v.mp4", *matrix(name, out_range=out_range), "-pix_fmt", "yuv444p", n=1)
    assert_quarters(Read(path).colours[0], QUARTERS, 2)


def test_without_a_matrix_small_pictures_are_bt601_and_large_ones_bt709(tmp_path):
    for size, name in (("64x48", "bt601"), ("1280x720", "bt709")):
        path = tmp_path / f"{size}.mp4"
        filters = f"scale={size}:flags=neighbor:out_color_matrix={name}:out_range=tv"
        ffmpeg(path, "-vf", filters, "-c:v", "mpeg4", "-q:v", "1", n=1)
        assert_quarters(Read(path).colours[0], QUARTERS, 6)


@pytest.mark.parametrize("degrees, order", [(270, [1, 3, 0, 2]), (180, [3, 2, 1, 0]), (90, [2, 0, 3, 1])])
def test_pictures_are_turned_upright(tmp_path, degrees, order):
    flat = ffmpeg(tmp_path / "flat.mp4", *EXACT, n=1)
    turned = tmp_path / "turned.mp4"
    # ffmpeg's tag counts the other way round
    subprocess.run(["ffmpeg", "-v", "error", "-i", flat, "-c", "copy", "-metadata:s:v:0", f"rotate={360 - degrees}",
                    turned],
                   check=True, timeout=60)
    video = Read(turned)
    assert int(video.rotation) == degrees
    assert video.size == ((W, H) if degrees == 180 else (H, W))
    assert_quarters(video.colours[0], [QUARTERS[i] for i in order], 2)


def test_pixels_become_square(tmp_path):
    path = ffmpeg(tmp_path / "v.mp4", "-vf", "scale=out_color_matrix=bt709,setsar=3/2", "-colorspace", "bt709",
                  "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p", n=1)
    video = Read(path)
    assert video.size == (96, 48)
    assert_quarters(video.colours[0], QUARTERS, 2)


def test_ten_bits_and_vp9(tmp_path):
    ten = Read(ffmpeg(tmp_path / "ten.mkv", *matrix(BT709), "-pix_fmt", "yuv420p10le"))
    vp9 = Read(ffmpeg(tmp_path / "vp9.webm", "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-c:v",
                      "libvpx-vp9", "-crf", "4", "-cpu-used", "8"))
    assert (ten.codec, vp9.codec) == ("h264", "vp9")
    for video in ten, vp9:
        assert_quarters(video.colours[0], QUARTERS, 6)
        assert video.times == pytest.approx([k / 10 for k in range(8)], abs=1e-9)


def test_interlaced_frames_keep_number_and_times(tmp_path):
    path = ffmpeg(tmp_path / "v.mp4", *matrix(BT709), "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct", "-top", "1",
                  "-x264opts", "tff=1")
    video = Read(path)
    assert video.converted == "[interlaced]"
    assert video.times == pytest.approx([k / 10 for k in range(8)], abs=1e-9)
    assert_quarters(video.colours[3], QUARTERS, 4)
    assert Read(path, "every=3").ticks == video.ticks[::3]


def hdr_frame(transfer):
    """The quarters as light of BT.2020 with white at 203 cd/m2, in 10 bits: YCbCr planes of one frame."""
    to_2020 = ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956))

    def coded(light):
        if transfer == "smpte2084":  # SMPTE ST 2084
            y = (light * 203 / 10000) ** 0.1593017578125
            return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375
        return (3 * light) ** 0.5 if light <= 1 / 12 else 0.17883277 * math.log(12 * light - 0.28466892) + 0.55991073

    planes = [[], [], []]
    for y in range(H):
        for x in range(W):
            linear = [(c / 255) ** 2.4 for c in QUARTERS[2 * (y >= H // 2) + (x >= W // 2)]]
            light = [sum(m * c for m, c in zip(row, linear)) for row in to_2020]
            if transfer != "smpte2084":  # the scene's light, of which BT.2100's display of 1000 cd/m2 makes this
                light = [max(c, 1e-9) * 0.203 for c in light]
                bright = 0.2627 * light[0] + 0.6780 * light[1] + 0.0593 * light[2]
                light = [c / bright ** (0.2 / 1.2) for c in light]
            r, g, b = map(coded, light)
            luma = 0.2627 * r + 0.6780 * g + 0.0593 * b
            for plane, value in zip(planes, (64 + 876 * luma, 512 + 896 * (b - luma) / 1.8814,
                                             512 + 896 * (r - luma) / 1.4746)):
                plane.append(round(value))
    return b"".join(struct.pack(f"<{W * H}H", *plane) for plane in planes)


def standard_range(colour):
    """What a display of 203 cd/m2 shows of this light by the curve of ITU-R BT.2390 (5.4.1), applied to the brightest
    of red, green and blue; the others keep their ratio to it."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875

    def pq(nits):
        y = (nits / 10000) ** m1
        return ((c1 + c2 * y) / (1 + c3 * y)) ** m2

    def nits_of(e):
        p = e ** (1 / m2)
        return 10000 * (max(p - c1, 0) / (c2 - c3 * p)) ** (1 / m1)

    linear = [(c / 255) ** 2.4 for c in colour]
    brightest = max(linear)
    top, most = pq(1000), pq(203) / pq(1000)
    knee, e = 1.5 * most - 0.5, pq(203 * brightest) / pq(1000)
    if e > knee:
        t = (e - knee) / (1 - knee)
        e = ((2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most)
    shown = nits_of(e * top) / 203
    return [round(255 * (c * shown / brightest) ** (1 / 2.4)) for c in linear]


@pytest.mark.parametrize("transfer, name", [("smpte2084", "[HDR (PQ)]"), ("arib-std-b67", "[HDR (HLG)]")])
def test_hdr_becomes_standard_range(tmp_path, transfer, name):
    """Shown as they are, the numbers of the red quarter would be about 136, 79, 49."""
    path = tmp_path / "v.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv444p10le", "-s", f"{W}x{H}", "-i", "-",
                    "-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_range",
                    "tv", "-c:v", "libx264", "-qp", "0", path], input=hdr_frame(transfer), check=True, timeout=60)
    video = Read(path)
    assert video.converted == name and video.problems == ""
    wanted = [standard_range(colour) for colour in QUARTERS]
    assert wanted[3] == [128, 128, 128]  # below the knee nothing changes
    assert_quarters(video.colours[0][3:], wanted[3:], 2)
    for shown, colour in zip(video.colours[0][:3], wanted):
        # zscale raises each of HLG's colours to the display's power, which makes them too strong
        assert abs(max(shown) - max(colour)) <= (6 if transfer == "smpte2084" else 18), (shown, colour)
        for c, w in zip(shown, colour):  # near 0, a step of 10 bits is 20 of 255
            assert c - w <= (6 if w >= 25 else 25) or w == max(colour), (shown, colour)
            assert w - c <= 6 or transfer != "smpte2084", (shown, colour)


@pytest.mark.parametrize("primaries", ["bt709", "bt2020", "smpte432"])
def test_primaries_that_are_not_converted_are_told(tmp_path, primaries):
    path = ffmpeg(tmp_path / "v.mp4", *matrix(BT709), "-color_primaries", primaries, "-pix_fmt", "yuv444p", n=8)
    for part in [], ["from=0.5"]:
        assert ("read as BT.709's" in Read(path, *part).problems) == (primaries != "bt709")


def test_colours_that_are_not_read_are_refused_by_name(tmp_path):
    path = ffmpeg(tmp_path / "v.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-colorspace", "ycgco", n=1)
    result = work("read", path)
    assert result.returncode == 65
    assert "matrix ycgco, which is not supported" in result.stderr and path in result.stderr


# ---- which frames ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """16 frames at growing distances, with B-frames."""
    path = tmp_path_factory.mktemp("uneven") / "uneven.mp4"
    return ffmpeg(path, "-vf", "settb=1/90000,setpts='(N*N+N)*1125',scale=out_color_matrix=bt709", "-colorspace", "bt709",
                  "-fps_mode", "passthrough", "-enc_time_base", "1/90000", "-c:v", "libx264", "-crf", "10", "-bf", "3", "-g", "4", "-pix_fmt",
                  "yuv420p", "-video_track_timescale", "90000", n=16)


def test_a_variable_rate_keeps_its_times(uneven):
    video = Read(uneven)
    assert video.base == "1/90000"
    assert video.ticks == [1125 * (k * k + k) for k in range(16)]
    assert video.problems == ""


def test_frames_are_chosen(uneven):
    ticks = [1125 * (k * k + k) for k in range(16)]
    times = [t / 90000 for t in ticks]
    assert Read(uneven, "every=3").ticks == ticks[::3]
    assert Read(uneven, "from=0.5", "to=2").ticks == [t for t, s in zip(ticks, times) if 0.5 <= s < 2]
    assert Read(uneven, "from=0.5", "every=2").ticks == [t for t, s in zip(ticks, times) if s >= 0.5][::2]
    first = {}  # the first frame of each half second
    for t, s in zip(ticks, times):
        first.setdefault(int(s * 2), t)
    assert Read(uneven, "fps=2").ticks == sorted(first.values())
    assert Read(uneven, "from=99").ticks == []


@pytest.mark.parametrize("name, codec", [
    ("h264.ts", ["libx264", "-bf", "2"]), ("hevc.ts", ["libx265", "-x265-params", "keyint=40:log-level=none"]),
    ("mpeg2.mpg", ["mpeg2video", "-bf", "2"]), ("mpeg4.avi", ["mpeg4", "-bf", "2"]), ("h264.avi", ["libx264", "-bf", "2"]),
    ("open.mp4", ["libx264", "-x264-params", "open-gop=1:bframes=3"])])
def test_a_part_begins_between_two_key_frames(tmp_path, name, codec):
    """MPEG's streams have no index: FFmpeg enters them at any packet."""
    path = ffmpeg(tmp_path / name, "-vf", "scale=out_color_matrix=bt709", "-c:v", *codec, "-g", "40", "-pix_fmt", "yuv420p",
                  n=120, fps=25)
    every = Read(path)
    assert len(every.ticks) == 120
    for start in 0.01, 0.3, 1.58, 2.0, 3.21, 4.5, 6:
        part, first = Read(path, f"from={start}"), sum(t < start for t in every.times)
        assert part.ticks == every.ticks[first:] and part.colours == every.colours[first:], start


# ---- through reader and writer -----------------------------------------------------------------------------------------


def probed(path, *what):
    result = subprocess.run(["ffprobe", "-v", "error", "-of", "csv=p=0", *what, f"file:{path}"], capture_output=True,
                            text=True, check=True, timeout=60)
    return [line.rstrip(",") for line in result.stdout.splitlines() if line]


def frame_times(path):
    return probed(path, "-select_streams", "v:0", "-show_entries", "frame=pts_time")


def sound_packets(path):
    text = "\n".join(probed(path, "-select_streams", "a", "-show_packets", "-show_data_hash", "md5", "-show_entries",
                            "packet=pts_time,size,data_hash"))
    return re.findall(r"(?:^|\n)([-.\d]+,\d+),(?:Skip.*\n,)?(MD5:\w+)", text)


def test_a_pass_keeps_frames_times_and_sound(tmp_path, plain, uneven):
    opus = ffmpeg(tmp_path / "opus.webm", "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-c:v",
                  "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus", sound=True)
    ntsc = ffmpeg(tmp_path / "ntsc.mp4", *EXACT, fps="30000/1001")
    for name, source in {"plain": plain, "uneven": uneven, "opus": opus, "ntsc": ntsc}.items():
        out = tmp_path / f"{name}-out.mp4"
        video = Read(source, out, mode="pass")
        assert len(video.ticks) == (16 if name == "uneven" else 8)
        assert frame_times(out) == frame_times(source), name
        assert sound_packets(out) == sound_packets(source), name
        assert (len(sound_packets(out)) > 8) == (name in ("plain", "opus"))
        again = Read(out)
        assert_quarters(again.colours[2], video.colours[2], 6)
        if name in ("plain", "ntsc"):  # the others say no duration, or a rounded one
            length = "-show_entries", "format=duration"
            assert probed(out, *length) == probed(source, *length)


def test_sound_that_begins_late_is_left_out_and_counted(tmp_path):
    """A program stream names its streams where they begin: after 8 s of one sound, two others come. At the end, their
    kind is known at once; in the middle, they are met while the sound is copied."""
    late = tmp_path / "late.mpg"
    late.write_bytes(b"")
    for seconds, sounds, at_s in (8, 1, 0), (2, 3, 9), (8, 1, 12):
        part = ffmpeg(tmp_path / "part.mpg", "-filter_complex", "[0]fps=25[v]", "-map", "[v]", *["-map", "1"] * sounds, "-c:v",
                      "mpeg2video", "-c:a", "mp2", "-output_ts_offset", str(at_s), n=seconds, fps=1, sound=True)
        late.write_bytes(late.read_bytes() + open(part, "rb").read())
        video = Read(late, tmp_path / f"{at_s}.mp4", mode="pass")
        assert video.lines[-1].split()[2:4] == ["1", "2" if at_s else "0"]  # streams of sound, and others
        assert len(frame_times(tmp_path / f"{at_s}.mp4")) == len(video.ticks)


def test_sound_whose_times_go_back_does_not_cost_the_video(tmp_path):
    """Two recordings in one file, the second as early as the first: its packets are kept, and made to follow."""
    part = ffmpeg(tmp_path / "part.ts", "-vf", "scale=out_color_matrix=bt709", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a",
                  "aac", sound=True)
    twice = tmp_path / "twice.ts"
    twice.write_bytes(open(part, "rb").read() * 2)
    video = Read(twice, tmp_path / "out.mp4", mode="pass")
    frames, sounds, left, moved, lost, _ = video.lines[-1].split()[1:]
    assert (frames, sounds, left, lost) == ("16", "1", "0", "0") and int(moved) > 8
    times = [float(packet.split(",")[0]) for packet, _ in sound_packets(tmp_path / "out.mp4")]
    assert len(times) == 2 * len(probed(part, "-select_streams", "a", "-show_entries", "packet=size"))
    assert all(b > a for a, b in zip(times, times[1:]))


def test_of_the_sound_only_the_part_is_read(tmp_path):
    """A minute of sound, of which two seconds are wanted: at their times, and without reading the rest."""
    source = ffmpeg(tmp_path / "in.mov", *matrix(BT709), "-g", "1", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", "-ar", "48000",
                    n=120, fps=2, sound=True)
    ours, theirs = socket.socketpair()
    helper = subprocess.Popen([HELPER, "write", tmp_path / "out.mov", "mov", source], stdin=theirs, stdout=theirs)
    theirs.close()
    ours.settimeout(60)
    head = struct.pack("<iiqqdqd48s256s", W, H, 1, 2, 2, 80, 42, b"mpeg4", b"")  # from 40 s to 42 s
    ours.sendall(message(HEAD, head) + b"".join(message(FRAME, drawn(1), k) for k in range(4)) + message(END))
    with ours.makefile("rb") as answers:
        answers.read()  # until it has ended
    with open(f"/proc/{helper.pid}/io") as io:
        read = int(re.search(r"rchar: (\d+)", io.read())[1])
    assert helper.wait(timeout=60) == 0
    ours.close()
    assert os.path.getsize(source) > 5_000_000 and read < 3_500_000, read
    cut = [data.split() for data in probed(tmp_path / "out.mov", "-select_streams", "a", "-show_entries", "packet=pts_time")]
    times = [float(t[0]) for t in cut]
    assert times[0] == pytest.approx(0, abs=0.03) and times[-1] == pytest.approx(2, abs=0.03)


def test_what_is_written_says_what_it_is(tmp_path, plain):
    out = tmp_path / "out.mp4"
    Read(plain, out, mode="pass")
    comment = probed(out, "-show_entries", "format_tags=comment")
    assert "(compositeWithTrainedAlgorithmicMedia, checkpoint 00112233445566778899aabbccddeeff)" in comment[0]
    data = out.read_bytes()
    at = data.index(bytes.fromhex("be7acfcb97a942e89c71999491e3afac"))
    n, kind = struct.unpack(">I4s", data[at - 8:at])
    assert kind == b"uuid" and at - 8 + n == len(data)
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia<" in data[at:]
    assert b"<bifrons:checkpoint>00112233445566778899aabbccddeeff<" in data[at:]


@pytest.mark.parametrize("codec", ["libvpx-vp9", "mpeg4"])
def test_other_encoders_write_the_same_times(tmp_path, uneven, codec):
    out = tmp_path / "out.mp4"
    source = uneven
    if codec == "mpeg4":  # its clock ends at 65535 ticks a second
        source = ffmpeg(tmp_path / "in.mp4", *EXACT)
    video = Read(source, out, f"codec={codec}", mode="pass")
    assert video.lines[-1].endswith(f" {codec}")
    assert frame_times(out) == frame_times(source)
    assert_quarters(Read(out).colours[2], QUARTERS, 12)


def test_an_odd_size_stays(tmp_path):
    source = ffmpeg(tmp_path / "in.mp4", "-vf", "scale=33:25:out_color_matrix=bt709", "-colorspace", "bt709", "-c:v",
                    "libx264", "-pix_fmt", "yuv444p", n=2)
    out = tmp_path / "out.mov"
    Read(source, out, mode="pass")
    assert Read(out).size == (33, 25)


def test_a_foreign_file_is_not_replaced_and_an_own_one_is(tmp_path, plain):
    mine = tmp_path / "mine.mp4"
    shutil.copy(plain, mine)
    before = mine.read_bytes()
    result = work("pass", plain, mine)
    assert result.returncode == 64 and "is no video that Bifrons made" in result.stderr
    assert mine.read_bytes() == before
    own = tmp_path / "own.mp4"
    Read(plain, own, mode="pass")
    Read(plain, own, mode="pass")
    assert work("pass", plain, tmp_path / "out.avi").returncode == 64


def test_no_unfinished_file_stays(tmp_path, plain):
    """The process that writes is killed in the middle: the helper removes its file and ends."""
    out = tmp_path / "out.mp4"
    worker = subprocess.Popen([WORKER, "pass", plain, out, "break=3", f"program={HELPER}"], stdout=subprocess.PIPE,
                              text=True)
    while "breaking" not in worker.stdout.readline():
        assert worker.poll() is None
    children = open(f"/proc/{worker.pid}/task/{worker.pid}/children").read().split()
    assert len(children) == 2
    while not os.listdir(tmp_path):  # the helper that writes is still being loaded
        time.sleep(0.01)
    assert os.listdir(tmp_path) == [f"out.mp4.tmp.{worker.pid}"]
    ends = [os.pidfd_open(int(pid)) for pid in children]
    worker.send_signal(signal.SIGKILL)
    worker.wait(timeout=30)
    for end in ends:  # ready once that process has ended
        assert select.select([end], [], [], 30)[0], "a helper outlives the process that started it"
        os.close(end)
    assert os.listdir(tmp_path) == []


MAGIC, HEAD, FRAME, WORKING, END = 0x42694656, 1, 2, 3, 4


def message(kind, payload=b"", ticks=0, duration=0):
    return struct.pack("<IIQqq", MAGIC, kind, len(payload), ticks, duration) + payload


def test_a_helper_that_writes_says_nothing_until_it_is_asked(tmp_path):
    """bifrons reads only after its END. A word a second before that fills the socket, and both wait for ever."""
    n, picture = 100, drawn(1)
    ours, theirs = socket.socketpair()
    helper = subprocess.Popen([HELPER, "write", tmp_path / "out.mp4", "mp4", ""], stdin=theirs, stdout=theirs)
    theirs.close()
    ours.settimeout(60)
    head = struct.pack("<iiqqdqd48s256s", W, H, 1, 10, 10, 0, 0, b"mpeg4", b"")
    ours.sendall(message(HEAD, head) + b"".join(message(FRAME, picture, k) for k in range(n)))  # more than a socket holds
    assert not select.select([ours], [], [], 0)[0], "the helper speaks before it is asked"
    ours.sendall(message(END))
    kinds = [WORKING]
    with ours.makefile("rb") as answers:
        while kinds[-1] == WORKING:
            magic, kind, size = struct.unpack("<IIQ16x", answers.read(32))
            kinds.append(kind)
            payload = answers.read(size)
    assert (magic, kind) == (MAGIC, END) and struct.unpack("<qqq", payload[:24]) == (n, 0, 0)
    assert helper.wait(timeout=60) == 0
    ours.close()


# ---- bad files ---------------------------------------------------------------------------------------------------------


def refused(words, code, *texts, helper=HELPER):
    result = work("read", *words, helper=helper)
    assert result.returncode == code, result.stderr
    assert result.stderr.count("\n") == 1 and str(words[0]) in result.stderr
    for text in texts:
        assert text in result.stderr
    return result.stderr


def test_bad_files(tmp_path, plain):
    empty = tmp_path / "empty.mp4"
    subprocess.run(["ffmpeg", "-v", "quiet", "-i", plain, "-an", "-t", "0", "-movflags", "empty_moov", empty], timeout=60)
    refused([empty], 65, "no frame of it can be decoded")
    half = tmp_path / "half.mp4"
    half.write_bytes(open(plain, "rb").read()[:os.path.getsize(plain) // 2])
    refused([half], 65, "it is damaged, or not a video")
    sound = tmp_path / "sound.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", plain, "-vn", "-c", "copy", sound], check=True, timeout=60)
    refused([sound], 65, "it has no video, only sound")
    text = tmp_path / "text.mp4"
    text.write_text("not a video at all")
    refused([text], 65, "is no video: it is text")
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"\0\0\0\x18ftypisom" + bytes(range(256)) * 64)
    refused([noise], 65, "it is damaged, or not a video")
    refused([tmp_path / "none.mp4"], 66)
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{plain}\n#EXT-X-ENDLIST\n")
    refused([playlist], 65, "is no video: it is text")


def test_a_matroska_file_that_is_cut_gives_the_frames_before_the_cut(tmp_path):
    whole = ffmpeg(tmp_path / "whole.mkv", *matrix(BT709), "-g", "1", "-pix_fmt", "yuv420p", n=20)
    half = tmp_path / "half.mkv"
    data = open(whole, "rb").read()
    half.write_bytes(data[:len(data) * 6 // 10])
    video = Read(half)
    assert 5 < len(video.ticks) < 20
    assert video.ticks == Read(whole).ticks[:len(video.ticks)]
    assert re.match(r"it ends after [01]\.\d s, but says that it lasts 2.0 s", video.problems), video.problems


def test_a_lying_duration_is_named(tmp_path):
    path = ffmpeg(tmp_path / "v.mkv", *EXACT)
    data = bytearray(open(path, "rb").read())
    at = data.index(b"\x44\x89\x88")  # Duration, a float of 8 bytes, in milliseconds
    data[at + 3:at + 11] = struct.pack(">d", 3600e3)
    open(path, "wb").write(data)
    video = Read(path)
    assert len(video.ticks) == 8
    assert video.problems == "it ends after 0.8 s, but says that it lasts 3600.0 s"


def test_a_video_of_no_frame_rate_gets_times(tmp_path):
    """All frames last 0 ticks: they would all be shown at once."""
    path = ffmpeg(tmp_path / "v.mp4", *matrix(BT709), "-bf", "0", "-pix_fmt", "yuv420p")
    data = bytearray(open(path, "rb").read())
    at = data.index(b"stts")
    assert struct.unpack(">III", data[at + 8:at + 20]) == (1, 8, 1024)
    data[at + 16:at + 20] = bytes(4)
    open(path, "wb").write(data)
    video = Read(path)
    assert len(video.ticks) == 8 and all(b > a for a, b in zip(video.ticks, video.ticks[1:]))
    assert "have no time stamp" in video.problems


@pytest.mark.parametrize("name", ["with space.mp4", "-dash.mp4", "a:b.mp4", "concat:x|y.mp4", "%03d.mp4"])
def test_names_are_names(tmp_path, plain, name):
    shutil.copy(plain, tmp_path / name)
    result = subprocess.run([WORKER, "read", name, f"program={HELPER}"], capture_output=True, text=True, cwd=tmp_path,
                            timeout=60)
    assert result.returncode == 0 and result.stdout.count("\nframe ") == 8


# ---- the helper program ------------------------------------------------------------------------------------------------


def fake(tmp_path, script):
    path = tmp_path / "helper"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_helper_that_fails_is_named_with_the_file(tmp_path, plain):
    missing = work("read", plain, helper=tmp_path / "none")
    assert missing.returncode == 69 and str(tmp_path / "none") in missing.stderr
    assert "libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev" in missing.stderr
    refused([plain], 65, "signal 9", helper=fake(tmp_path, "kill -9 $$"))
    refused([plain], 65, "exit code 3", helper=fake(tmp_path, "exit 3"))
    refused([plain], 69, "does not start", helper=fake(tmp_path, "exit 127"))
    refused([plain], 65, "sent an unexpected message", helper=fake(tmp_path, "head -c 4096 /dev/zero"))


def test_a_frame_before_the_start_makes_no_sense(tmp_path, plain):
    """A helper that was taken over may say what it likes: swaps rely on the times of frames."""
    head = struct.pack("<iiqqddi?48s48s3x", W, H, 1, 10, 0, 0, 0, False, b"h264", b"")
    (tmp_path / "said").write_bytes(message(HEAD, head) + message(FRAME, drawn(1), -1))
    result = work("pass", plain, tmp_path / "out.mp4", helper=fake(tmp_path, f"cat {tmp_path}/said; read word"))
    assert result.returncode == 65 and "sent an invalid frame" in result.stderr, result.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_the_helper_is_started_without_standard_files(tmp_path, plain):
    """The link then gets their numbers. What the worker prints goes nowhere."""
    line = [WORKER, "pass", plain, str(tmp_path / "out.mp4"), f"program={HELPER}"]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&-', "sh", *line], stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(frame_times(tmp_path / "out.mp4")) == 8
    by_hand = subprocess.run(["sh", "-c", 'exec "$@" <&- >&-', "sh", HELPER, "write", tmp_path / "x.mp4", "mp4", plain],
                             stderr=subprocess.PIPE, text=True, timeout=60)
    assert by_hand.returncode == 64 and "is started by bifrons" in by_hand.stderr


def test_a_helper_that_hangs_is_ended(tmp_path, plain):
    """The shell waits for a word that never comes; the deadline ends it."""
    refused([plain, "within=0.1"], 65, "did not answer within 0.1 s", helper=fake(tmp_path, "read word"))
