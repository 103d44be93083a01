"""What benchmarks share: programs that are run, drawn people to train on, names of what bifrons eval measures."""

import os
import pathlib
import shlex
import subprocess
import sys

AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # mpirun in a container
FACES = ("identity", "pose", "mouth", "width", "corners", "eyes", "brows", "gaze")  # bifrons eval --faces
FOLLOW = ("yaw", "pitch", "brows", "mouth", "eyes", "gaze")  # how swaps follow; in the order of bifrons synth --series
NO_AUGMENTATION = tuple(f"augment.{key}=0" for key in ("flip", "rotate_deg", "zoom", "shift", "warp", "colour_transfer", "surroundings",
                                                       "colour_jitter", "back_translation"))


def say(text):
    print(text, file=sys.stderr, flush=True)


def output(*words):
    """What a command prints; ends the benchmark with status 1 where the command fails."""
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=os.environ | AS_ROOT)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def sets(bifrons, folder, count, size):
    """Packed sets of two drawn people, A's and B's, made where they are not there yet."""
    paths = [pathlib.Path(folder) / f"{person}-{size}-{count}.h5" for person in "ab"]
    if not paths[1].exists():
        drawn = pathlib.Path(folder) / f"drawn-{size}-{count}"
        output(bifrons, "synth", drawn, "--count", count, "--size", size)
        for person, path in zip("ab", paths):
            output(bifrons, "pack", drawn / f"person_{person}", "-o", path, "--size", size)
    return paths


def processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return text.partition("model name")[2].partition(":")[2].partition("\n")[0].strip() or "a CPU"
