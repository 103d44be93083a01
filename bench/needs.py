"""What a benchmark here needs: looked for before anything runs, and what is missing is told in one message with the
command that brings it.

    needs.check("bench/compare", needs.programs(build), needs.mpirun(), needs.modules("torch", "h5py"))

Each of the functions gives (what is missing, the command) pairs. `python` is the one of .venv.

A program that imports this ends on Ctrl-C with one line, without a traceback; the shell's status is 130.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv/bin/python"


def show_error(kind, error, trace):
    if issubclass(kind, KeyboardInterrupt):  # Python then ends by the signal
        print(f"{pathlib.Path(sys.argv[0]).name}: interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = show_error


def programs(build, *names):
    """Of a build folder; by default those that train."""
    folder = ROOT / build
    preset = "" if folder == ROOT / "build/release" else f" {folder.name}"
    for name in names or ("bifrons", "bifrons-engine"):
        if not os.access(folder / name, os.X_OK):
            yield f"{os.path.join(build, name)} is not built", f"scripts/build{preset}"


def mpirun():
    if not shutil.which("mpirun"):
        yield "mpirun is not installed", "scripts/setup"


def modules(*names):
    """Of the Python in .venv. With setup --torch DIR there is no torch in it."""
    if subprocess.run([PYTHON, "-c", ""], capture_output=True).returncode if PYTHON.exists() else True:
        yield f"{PYTHON.relative_to(ROOT)} with {', '.join(names)} is not there", setup_for(names)
        return
    found = subprocess.run(
        [PYTHON, "-c", "import importlib.util as u, sys; print(*(n for n in sys.argv[1:] if not u.find_spec(n)))",
         *names], capture_output=True, text=True).stdout.split()
    if found:
        yield f"Python's {', '.join(found)} {'is' if len(found) == 1 else 'are'} not in .venv", setup_for(found)


def setup_for(names):
    return "scripts/setup --torch cpu" if "torch" in names and (ROOT / ".torch-dir").exists() else "scripts/setup"


def files(command, *paths):
    for path in paths:
        if not pathlib.Path(path).exists():
            yield f"{path} is not there", command


def check(name, *missing):
    """Ends the program with status 1 where anything is missing."""
    found = {pair: None for pairs in missing for pair in pairs}
    if not found:
        return
    commands = sorted({command for _, command in found if command},
                      key=lambda command: ("setup" not in command, command))  # in the order in which they work
    told = "; ".join(what for what, _ in found)
    sys.exit(f"{name}: {told}: run {' and '.join(commands)} first" if commands else f"{name}: {told}")


def run_in_venv(name, *names):
    """Starts the program anew with .venv's Python where this one lacks a module that .venv has."""
    import importlib.util
    if all(importlib.util.find_spec(each) for each in names):
        return
    check(name, modules(*names))
    if pathlib.Path(sys.prefix) == PYTHON.parent.parent:
        return
    os.execv(PYTHON, [str(PYTHON), *sys.argv])
