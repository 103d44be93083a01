"""The package python/bifrons starts the program, follows it, stops it, and is installed."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

try:
    import numpy
    from test_package import ROOT, SMALL, STANDING, people, run, the_program, train  # noqa: F401

    import bifrons
except ImportError:
    pytest.skip("this Python has no torch or h5py", allow_module_level=True)


def test_a_notebook_shows_warnings_and_draws_no_empty_figure(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("IPython.display", reason="IPython is not installed")
    shown = []
    monkeypatch.setattr("bifrons.launch._in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda figure, display_id: shown.append(figure))
    progress = bifrons.launch._progress(tmp_path)
    for line in ("ranks: 1", "warning: few pictures"):
        progress(line, False)
    progress("error: no", True)
    assert capsys.readouterr().out == "warning: few pictures\n" and not shown
    bifrons.launch._progress(run.folder)("1 step in 1 s", True)
    assert len(shown) == 1 and len(shown[0].axes[0].lines) == 2


def test_the_program_is_looked_for_where_BIFRONS_says(tmp_path, monkeypatch):
    found = bifrons.program()
    monkeypatch.setenv("PATH", str(pathlib.Path(found).parent))
    for wrong in (tmp_path / "gone", tmp_path):
        monkeypatch.setenv("BIFRONS", str(wrong))
        with pytest.raises(FileNotFoundError, match=f"BIFRONS = '{wrong}' is not a program"):
            bifrons.command("info")
    monkeypatch.delenv("BIFRONS")
    assert bifrons.program() == found


def test_errors_of_the_program_are_exceptions(people, tmp_path):
    with pytest.raises(bifrons.ProgramError, match="ranks") as failed:
        train(people, tmp_path / "run", {}, ranks=0, show=False)
    assert failed.value.code == 64
    with pytest.raises(bifrons.ProgramError, match="train.lrr") as failed:
        train(people, tmp_path / "run", {"train.lrr": 1}, show=False)
    assert failed.value.code == 78
    with pytest.raises(bifrons.ProgramError, match="gone.h5") as failed:
        bifrons.command("inspect", tmp_path / "gone.h5")
    assert failed.value.code == 66


def start_training(people, tmp_path, keys, **more):
    """A Python that trains in tmp_path/run, as soon as it has rows of metrics."""
    script = tmp_path / "script.py"
    script.write_text(f"import bifrons\nrun = bifrons.train(a={str(people[0].path)!r}, b={str(people[1].path)!r}, "
                      f"out={str(tmp_path / 'run')!r}, keys={keys!r}, **{more!r})\n"
                      "print('returned', run.train['step'][-1])\n")
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    metrics = tmp_path / "run/metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    return process


def test_an_interrupt_saves_a_checkpoint_and_the_same_call_resumes(people, tmp_path):  # noqa: F811
    keys = {**SMALL, "train.max_steps": 400, "train.global_batch": 2, "train.epochs": 1000}
    process = start_training(people, tmp_path, keys)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "the same call resumes the run" in said, said
    stopped = float(re.search(r"returned (.*)", said).group(1))
    assert 1 <= stopped < 400 and bifrons.Run(tmp_path / "run").latest.exists()
    run = train(people, tmp_path / "run", {**keys, "train.max_steps": int(stopped) + 2}, show=False)  # noqa: F811
    assert run.train["step"].tolist() == list(range(1, int(stopped) + 3))


@pytest.mark.skipif(not shutil.which("setpriv"), reason="there is no setpriv")
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_program_saves_a_checkpoint_and_ends_when_python_is_killed(people, tmp_path, ranks, number):  # noqa: F811
    process = start_training(people, tmp_path, {**SMALL, "train.global_batch": 2, "train.epochs": 1000000}, ranks=ranks)
    child = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    try:
        process.send_signal(number)
        process.wait(60)
        give_up = time.monotonic() + 120
        while not json.loads((tmp_path / "run/run.json").read_text())["ended"]:
            assert time.monotonic() < give_up, "the program goes on"
            time.sleep(0.05)
    finally:
        if pathlib.Path(f"/proc/{child}").exists():
            os.kill(child, signal.SIGTERM)
    run = bifrons.Run(tmp_path / "run")  # noqa: F811
    saved = int(re.search(r"step-0*(\d+).pt", str(run.latest.resolve())).group(1))
    assert saved == run.record["step"] == run.train["step"][-1] and f"{saved} steps on Helvia" in repr(run)


def fake_program(tmp_path, monkeypatch, line):
    path = tmp_path / "bifrons"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    monkeypatch.setenv("BIFRONS", str(path))


def test_an_interrupt_before_the_program_is_ready_is_an_interrupt(tmp_path, monkeypatch):
    fake_program(tmp_path, monkeypatch, "echo ready; exec sleep 600")
    process = subprocess.Popen([sys.executable, "-c", "import bifrons; bifrons.train(out='run')"], cwd=tmp_path, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert said.rstrip().endswith("KeyboardInterrupt") and "ProgramError" not in said


def test_a_signal_that_ended_the_program_is_named(tmp_path, monkeypatch):
    fake_program(tmp_path, monkeypatch, "kill -KILL $$")
    for call in (lambda: bifrons.train(out=tmp_path / "run", show=False), lambda: bifrons.command("info")):
        with pytest.raises(bifrons.ProgramError, match="was ended by SIGKILL: it printed nothing") as failed:
            call()
        assert failed.value.code == -signal.SIGKILL


def test_values_of_keys_are_toml(people, tmp_path):  # noqa: F811
    stages = [{"image_size": 64, "epochs": 1, "global_batch": 2, "lr": numpy.float32(0.25)}]
    run = train(people, tmp_path / "run", {**SMALL, "train.stages": stages, "model.mean_codes": numpy.bool_(True),  # noqa: F811
                                           "train.max_steps": numpy.int64(1), "train.lr": 1e-30, "model.norm": "none"},
                show=False)
    assert run.config["train"]["stages"] == stages and run.config["model"]["mean_codes"] is True
    assert run.config["train"]["lr"] == 1e-30
    for wrong in (None, object(), [None], {"a": {1, 2}}):
        with pytest.raises(TypeError, match=r"keys\['train.stages'\] has"):
            train(people, tmp_path / "other", {"train.stages": wrong})
    assert not (tmp_path / "other").exists()


def test_a_run_without_a_row_of_metrics_tells_its_steps(run, tmp_path):  # noqa: F811
    shutil.copytree(run.folder, tmp_path / "run")
    (tmp_path / "run/metrics.jsonl").write_text("")
    stopped = bifrons.Run(tmp_path / "run")
    assert "1 steps on" in repr(stopped) and [len(rows["step"]) for rows in (stopped.train, stopped.val, stopped.faces)] == [0] * 3


def test_pip_installs_it(tmp_path):
    """Without a network: pip fetches no dependency, and builds with the setuptools that is installed."""
    shutil.copytree(ROOT / "python", tmp_path / "python", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index",
                           "--target", tmp_path / "site", tmp_path / "python"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    environment = {key: value for key, value in os.environ.items() if key != "BIFRONS"}
    done = subprocess.run([sys.executable, "-c", "import bifrons, importlib.metadata as m\nprint(bifrons.__file__, "
                           "bifrons.__version__, m.version('bifrons'), bifrons.summary(bifrons.Bifrons()).parameters)"],
                          cwd=tmp_path, env={**environment, "PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True,
                          timeout=240)
    assert done.returncode == 0, done.stderr
    version = re.search(r"project\(bifrons VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert done.stdout.split() == [str(tmp_path / "site/bifrons/__init__.py"), version, version, "6696134"]
    assert (tmp_path / "site/bifrons/py.typed").exists()


def test_an_installed_copy_says_what_it_needs_and_a_link_finds_the_build(tmp_path):
    tree, site = tmp_path / "tree", tmp_path / "site"
    shutil.copytree(ROOT / "python", tree / "python", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for path in (tree / "build/release/bifrons", tree / "scripts/build"):
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if key not in ("BIFRONS", "PYTHONPATH")}

    def program_of(*options):
        shutil.rmtree(site, ignore_errors=True)
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index",
                               "--ignore-installed", "--prefix", site, *options, tree / "python"],
                              capture_output=True, text=True, timeout=240, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        folder, = site.glob("**/site-packages")
        return subprocess.run([sys.executable, "-c", f"import site; site.addsitedir({str(folder)!r})\nimport bifrons\n"
                               "print(bifrons.program())"], cwd=tmp_path, capture_output=True, text=True, timeout=240,
                              env={**environment, "PATH": "/nowhere"})

    assert program_of("-e").stdout.strip() == str(tree / "build/release/bifrons")
    copy = program_of()
    assert copy.returncode == 1 and "installed copy" in copy.stderr and "set BIFRONS" in copy.stderr
