"""The program bifrons, started from Python."""

import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from .run import Run, _arrays, _rows, plot

STOPPED = 75  # after a checkpoint, on request


class ProgramError(RuntimeError):
    """The program ended with an error. code: its exit code (README.md lists them); the text is its message."""

    def __init__(self, code: int, text: str):
        super().__init__(f"bifrons ended with {code}: {text}")
        self.code = code


def program() -> str:
    """The path of the program: $BIFRONS, else bifrons in PATH, else what a build of this source tree made."""
    tree = pathlib.Path(__file__).resolve().parents[2]
    built = (str(tree / "build" / preset / "bifrons") for preset in ("release", "dev"))
    for path in (os.environ.get("BIFRONS"), shutil.which("bifrons"), *built):
        if path and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError("the program bifrons is not in PATH: build it (scripts/build), then add its folder to PATH, "
                            "or set BIFRONS to its path")


def command(*words: object) -> str:
    """Runs `bifrons WORDS…` and returns what it printed. ProgramError: it failed."""
    done = subprocess.run([program(), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise ProgramError(done.returncode, done.stdout.strip())
    return done.stdout.rstrip()


def train(config: str | os.PathLike | None = None, *, out: str | os.PathLike, a: str | os.PathLike | None = None,
          b: str | os.PathLike | None = None, ranks: int = 1, keys: dict[str, object] | None = None,
          show: bool = True) -> Run:
    """Starts `bifrons train`, shows its progress, and returns the run when it has ended.

        run = bifrons.train("configs/recipe.toml", a="anna.h5", b="bruno.h5", out="runs/anna-bruno", ranks=2,
                            keys={"train.epochs": 5})

    config: a TOML file; None: the defaults. out: the run folder; a run that it holds is resumed. a, b: sets, or folders
    of pictures. keys: keys of the configuration. show: a curve that grows in a notebook, lines elsewhere.
    An interrupt (Ctrl-C, or the stop button of a notebook) saves a checkpoint; the same call then goes on.
    ProgramError: the program failed."""
    words = [program(), "train", *([config] if config else []), "--out", out, "--set", "log.every_s=2"]
    words += [word for person, path in (("a", a), ("b", b)) if path for word in (f"--data-{person}", path)]
    words += ["--ranks", ranks] if ranks > 1 else []
    words += [word for key, value in (keys or {}).items() for word in ("--set", f"{key}={_toml(value)}")]
    # A session of its own: the program gets an interrupt once, from here.
    process = subprocess.Popen([os.fspath(w) if isinstance(w, os.PathLike) else str(w) for w in words],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    lines = _follow(process, _progress(pathlib.Path(out)) if show else lambda line, end: None)
    if process.returncode not in (0, STOPPED):
        raise ProgramError(process.returncode, "\n".join(lines))
    if process.returncode == STOPPED:
        print("stopped after a checkpoint: the same call goes on from there")
    return Run(out)


def _toml(value):
    return str(value).lower() if isinstance(value, bool) else value


def _follow(process, progress):
    """Reads what the program prints until it ends; its last lines. Interrupts are passed on."""
    last = collections.deque(maxlen=20)
    while True:
        try:
            for line in process.stdout:
                last.append(line.rstrip())
                progress(last[-1], False)
            process.wait()
            break
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
    progress(last[-1] if last else "", True)
    return last


def _progress(folder):
    """In a notebook, a function that draws the curves again with lines of progress; else one that prints each line.
    Drawing takes at most a tenth of the time, so that lines do not wait for it, nor the training for the cores."""
    notebook = "IPython" in sys.modules and _in_notebook()
    if not notebook:
        return lambda line, end: None if end else print(line, flush=True)
    from IPython.display import display
    shown, newest, free_at = [], [""], [0.0]

    def draw(line, end):
        is_progress = re.search(r"\bstep \d+/\d|\bsteps? in \d", line)
        newest[0] = line if is_progress else newest[0]
        began = time.monotonic()
        if not end and (not is_progress or began < free_at[0]):
            return
        rows = _rows(folder / "metrics.jsonl")
        made = plot(*(_arrays([row for row in rows if row["kind"] == kind]) for kind in ("train", "val")))
        made.suptitle(newest[0], fontsize=9, x=0.01, ha="left")
        if shown:
            shown[0].update(made)
        else:
            shown.append(display(made, display_id=True))
        now = time.monotonic()
        free_at[0] = now + 9 * (now - began)
    return draw


def _in_notebook():
    from IPython import get_ipython
    return getattr(get_ipython(), "kernel", None) is not None
