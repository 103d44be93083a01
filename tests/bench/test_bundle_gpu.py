"""scripts/bundle-gpu: bad usage, and what the launcher of an archive does on another machine. That the archive holds all
that the program needs is checked by hand: making one takes CUDA's wheels."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments, code, said", [
    ([], 64, "--torch VERSION: give a version such as 2."),
    (["--torch", "newest"], 64, "--torch VERSION: give a version such as 2."),
    (["--torch"], 64, "--torch takes a value"),
    (["--torch", "2.13.0", "--python", "4"], 64, "--python 4: give a version such as 3.12"),
    (["--torch", "2.13.0", "--build", "build/none"], 64, "--build build/none: not a build with the CUDA build of torch 2.13.0"),
    (["--jobs", "2"], 64, "unknown option --jobs"),
])
def test_bad_usage(arguments, code, said):
    done = subprocess.run([ROOT / "scripts/bundle-gpu", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code and said in done.stderr, done.stderr


def torch_at(folder, version="2.13.0"):
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/libtorch_cuda.so").touch()
    (folder / "version.py").write_text(f"__version__ = '{version}+cu130'\n")
    return folder


def test_no_archive_is_made_after_a_step_that_failed(tmp_path):
    version = "0.0.1"  # no archive that someone made has it
    (tmp_path / "CMakeCache.txt").write_text(f"LIBTORCH_DIR:PATH={torch_at(tmp_path / 'torch', version)}\n")
    (tmp_path / "bifrons").write_text("not a program that strip can read\n")
    folder = ROOT / f"build/bifrons-gpu-{version}"
    try:
        done = subprocess.run([ROOT / "scripts/bundle-gpu", "--torch", version, "--build", tmp_path], capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 1 and "strip" in done.stderr, done.stderr
        assert "pip" not in (ROOT / "build/logs/bundle.log").read_text()  # it stopped there
        assert not folder.with_name(f"{folder.name}.tar.xz").exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def archive(tmp_path):
    """An unpacked archive whose program tells how it was started, and a torch beside it."""
    folder = tmp_path / "bifrons-gpu-2.13.0"
    for name in ("build/release", "scripts"):
        (folder / name).mkdir(parents=True)
    program = folder / "build/release/bifrons"
    program.write_text('#!/bin/sh\necho "bifrons $*"\necho "$LD_LIBRARY_PATH|$OPAL_PREFIX|$PATH"\n')
    (folder / "scripts/check-gpu").write_text("import sys; print('check-gpu', *sys.argv[1:])")
    text = (ROOT / "scripts/gpu/launcher.in").read_text()
    for word, value in (("@VERSION@", "2.13.0"), ("@GLIBC@", "2.17"), ("@GLIBCXX@", "3.4.19")):
        assert word in text
        text = text.replace(word, value)
    (folder / "bifrons").write_text(text)
    (folder / "check-gpu").symlink_to("bifrons")
    torch_at(tmp_path / "site/torch")
    (tmp_path / "site/nvidia/cu13/lib").mkdir(parents=True)
    for file in (program, folder / "bifrons"):
        file.chmod(0o755)
    return folder


def launch(archive, name, *arguments, **environment):
    return subprocess.run([archive / name, *arguments], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "BIFRONS_TORCH": str(archive.parent / "site/torch"), **environment})


def test_the_launcher_takes_torch_from_the_machine_and_the_rest_from_the_archive(archive):
    done = launch(archive, "bifrons", "info", LD_LIBRARY_PATH="/elsewhere")
    assert done.returncode == 0, done.stderr
    command, places = done.stdout.splitlines()
    libraries, mpi, path = places.split("|")
    folders = [str(pathlib.Path(os.path.normpath(each))) for each in libraries.split(":")]
    site = archive.parent / "site"
    assert command == "bifrons info" and mpi == f"{archive}/openmpi" and path.startswith(f"{archive}/openmpi/bin:")
    assert folders == [f"{site}/torch/lib", f"{site}/nvidia/cu13/lib", f"{archive}/lib", "/elsewhere"]
    assert launch(archive, "check-gpu", "--list").stdout == "check-gpu --list\n"


def test_a_machine_that_does_not_fit_is_told_why(archive):
    version = archive.parent / "site/torch/version.py"
    version.write_text("__version__ = '2.11.0+cu130'\n")
    done = launch(archive, "bifrons", "info")
    assert done.returncode == 69 and "built for torch 2.13.0, here is 2.11.0" in done.stderr
    done = launch(archive, "bifrons", "info", BIFRONS_TORCH="/nowhere")
    assert done.returncode == 69 and "no CUDA build of torch in '/nowhere'" in done.stderr
    done = launch(archive, "bifrons", "info", BIFRONS_TORCH="", BIFRONS_PYTHON="/nowhere/python")
    assert done.returncode == 69 and "'/nowhere/python' does not run: set BIFRONS_PYTHON" in done.stderr
    version.write_text("__version__ = '2.13.0+cu130'\n")
    launcher = archive / "bifrons"
    launcher.write_text(launcher.read_text().replace("2.17", "9.99"))
    done = launch(archive, "bifrons", "info")
    assert done.returncode == 69 and "the programs need 9.99" in done.stderr
    assert not done.stdout
