"""The program bifrons, started from Python."""

import collections
import json
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
    """The program ended with an error. code: its exit code (README.md lists them), or minus the number of the signal
    that ended it; the text is its message."""

    def __init__(self, code: int, text: str):
        how = f"ended with {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
        super().__init__(f"bifrons {how}: {text or 'it printed nothing'}")
        self.code = code


def program() -> str:
    """The path of the program: $BIFRONS, else bifrons in PATH, else that of this source tree's build."""
    chosen = os.environ.get("BIFRONS")
    if chosen and not shutil.which(chosen):
        raise FileNotFoundError(f"BIFRONS = {chosen!r} is not a program: set it to the path of bifrons, or unset it")
    tree = pathlib.Path(__file__).resolve().parents[2]
    for path in (chosen or "bifrons", *(tree / "build" / preset / "bifrons" for preset in ("release", "dev"))):
        if found := shutil.which(str(path)):
            return found
    where = f"and there is none in {tree}/build"
    if not (tree / "scripts/build").exists():
        where = "and this package is an installed copy that does not know the source tree (pip install -e makes a link to it)"
    raise FileNotFoundError(f"the program bifrons is not in PATH, {where}: build it (scripts/build in the source tree), then "
                            "set BIFRONS to its path, build/release/bifrons, or add its folder to PATH")


def command(*words: object) -> str:
    """Runs `bifrons WORDS…` and returns what it printed. ProgramError: it ended with an error."""
    done = subprocess.run([program(), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise ProgramError(done.returncode, done.stdout.strip())
    return done.stdout.rstrip()


def _setpriv():
    """setpriv, if it knows --pdeathsig (util-linux 2.33); else None."""
    path = shutil.which("setpriv")
    known = path and subprocess.run([path, "--help"], capture_output=True, text=True).stdout
    return path if known and "--pdeathsig" in known else None


def train(config: str | os.PathLike | None = None, *, out: str | os.PathLike, a: str | os.PathLike | None = None,
          b: str | os.PathLike | None = None, ranks: int = 1, keys: dict[str, object] | None = None,
          show: bool = True) -> Run:
    """Starts `bifrons train`, shows its progress, and returns the run when it has ended.

        run = bifrons.train("configs/recipe.toml", a="anna.h5", b="bruno.h5", out="runs/anna-bruno", ranks=2,
                            keys={"train.epochs": 5})

    config: a TOML file; None: the defaults. out: the run folder; a run in it is resumed. a, b: sets, or folders of
    pictures. keys: keys of the configuration; text is taken as on the command line ("none", "[1, 2]"), numbers, booleans,
    lists and dicts as TOML has them. show: growing curves in a notebook, lines elsewhere.
    An interrupt (Ctrl-C, or the stop button of a notebook) saves a checkpoint and returns the run so far; the same call
    resumes it. A second interrupt ends the program at once. If Python ends or is killed, the program saves a checkpoint and
    stops (where `setpriv` of util-linux 2.33 or later is there). ProgramError: the program ended with an error. KeyboardInterrupt:
    it was interrupted before it could save anything."""
    import numpy  # noqa: F401 - Run needs it: say so before training, not after
    words = [program(), "train", *([config] if config else []), "--out", out, "--set", "log.every_s=2"]
    words += [word for person, path in (("a", a), ("b", b)) if path for word in (f"--data-{person}", path)]
    words += ["--ranks", ranks] if ranks != 1 else []
    words += [word for key, value in (keys or {}).items() for word in ("--set", _setting(key, value))]
    if setpriv := _setpriv():  # ends the program with this process, even after kill -9
        words = [setpriv, "--pdeathsig", "TERM", "--", *words]
    # A session of its own: the program gets an interrupt once, from here.
    process = subprocess.Popen([os.fspath(w) if isinstance(w, os.PathLike) else str(w) for w in words],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    lines = _follow(process, _progress(pathlib.Path(out)) if show else lambda line, end: None)
    if process.returncode not in (0, STOPPED):
        raise ProgramError(process.returncode, "\n".join(lines))
    if process.returncode == STOPPED and not (pathlib.Path(out) / "run.json").exists():
        raise KeyboardInterrupt  # the program was still packing folders
    if process.returncode == STOPPED:
        print("stopped, and a checkpoint saved: the same call resumes the run")
    return Run(out)


def _setting(key, value):
    return f"{key}={value if isinstance(value, (str, os.PathLike)) else _toml(key, value)}"


def _toml(key, value):
    """A value as TOML."""
    value = value.item() if hasattr(value, "item") else value  # of numpy or torch
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(key, inner) for inner in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)} = {_toml(key, inner)}' for name, inner in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        return json.dumps(os.fspath(value), ensure_ascii=False)
    raise TypeError(f"keys[{key!r}] has {value!r} of {type(value).__name__}: give text, a number, a boolean, a list or a dict")


def _follow(process, progress):
    """Reads what the program prints until it ends, and returns its last lines. Passes interrupts on to the program."""
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
        except BaseException:  # such as a package that is missing for the curves
            process.send_signal(signal.SIGINT)
            process.communicate()  # it saves a checkpoint first
            raise
    if process.returncode == -signal.SIGINT:  # before the program was ready to save a checkpoint
        raise KeyboardInterrupt
    progress(last[-1] if last else "", True)
    return last


def _progress(folder):
    """A function that shows a line: in a notebook it redraws the curves and prints warnings, elsewhere it prints the line.
    Drawing takes at most a tenth of the time and leaves the rest to the training."""
    notebook = "IPython" in sys.modules and _in_notebook()
    if not notebook:
        return lambda line, end: None if end else print(line, flush=True)
    from IPython.display import display
    shown, newest, free_at = [], [""], [0.0]

    def draw(line, end):
        is_progress = re.search(r"\bstep \d+/\d|\bsteps? in \d", line)
        newest[0] = line if is_progress else newest[0]
        if line.startswith("warning: ") and not end:
            print(line, flush=True)
        began = time.monotonic()
        if not end and (not is_progress or began < free_at[0]):
            return
        rows = _rows(folder / "metrics.jsonl")
        if not rows:
            return
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
