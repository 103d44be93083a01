"""slurm/job with stand-ins for Slurm's commands in PATH: no Slurm is needed."""
import os
import subprocess

import pytest

from conftest import PROGRAM, ROOT


def run_outside_of_slurm(script, *arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    return subprocess.run(["bash", ROOT / "slurm" / script, *arguments], capture_output=True, text=True,
                          timeout=60, env={**clean, "SLURM_SUBMIT_DIR": str(ROOT), **environment})


def test_the_scripts_say_how_they_are_to_be_used():
    done = run_outside_of_slurm("train.sbatch", "x.toml")
    assert done.returncode == 64 and "sbatch slurm/train.sbatch" in done.stderr
    done = run_outside_of_slurm("array.sbatch", "x.toml", "a.toml", "--", "b.toml", SLURM_ARRAY_TASK_ID="2")
    assert done.returncode == 64 and "--array=1-1" in done.stderr
    done = run_outside_of_slurm("array.sbatch", "x.toml", "a/y.toml", "b/y.toml", SLURM_ARRAY_TASK_ID="1")
    assert done.returncode == 64 and "several changes are named y.toml" in done.stderr


# The same folder, as argp takes it; the last two without --out, by the run's name.
OUT_FORMS = [["--out", "a run"], ["--out=a run"], ["--ou=a run"], ["--ou", "a run"], ["-o", "a run"], ["-oa run"],
             ["-o", "no", "-oa run"], ["--resume", "none", "-oa run"], ["-oa run", "--", "more.toml"],
             ["--set", "name=\"a 'run\""], ["named.toml"]]


def run_job_on_stubs(folder, *arguments, restarts=0, **outcome):
    """slurm/job with the real program for --print-out, and an srun that keeps its arguments, a line each, and
    leaves the run.json of a run that has ended in the folder `ends`."""
    stubs = folder / "stubs"
    stubs.mkdir(exist_ok=True)
    outcome = {"ends": "", "status": 0, **outcome}
    for name, text in {
            "srun": f"""printf '%s\\n' "$@" >{folder}/srun; [ -z "$ends" ] || {{ mkdir -p "$ends"
                        echo '{{"exit": "OK"}}' >"$ends/run.json"; }}; exit $status""",
            "squeue": "echo RUNNING", "scontrol": f"echo \"$*\" >>{folder}/scontrol"}.items():
        (stubs / name).write_text(f"#!/bin/sh\n{text}\n")
        (stubs / name).chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    return subprocess.run(["bash", ROOT / "slurm/job", *arguments], capture_output=True, text=True, timeout=60, cwd=folder,
                          env={**environment, "PATH": f"{stubs}:{os.environ['PATH']}", "BIFRONS": str(PROGRAM),
                               "SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(restarts), **{
                                   key: str(value) for key, value in outcome.items()}})


@pytest.mark.parametrize("form", OUT_FORMS, ids=" ".join)
def test_the_program_tells_the_run_folder(tmp_path, form):
    for name, text in (("base", ""), ("more", ""), ("named", "name = 'a run'\n")):
        (tmp_path / f"{name}.toml").write_text(f"config_version = 1\n{text}")
    folder = {"--set": "runs/a 'run", "named.toml": "runs/a run"}.get(form[0], "a run")
    done = run_job_on_stubs(tmp_path, "base.toml", *form, restarts=1, ends=folder)
    assert done.returncode == 0 and f"run folder {folder}, from the beginning" in done.stderr, done.stderr
    assert "finished" in done.stderr and not (tmp_path / "scontrol").exists()
    started = (tmp_path / "srun").read_text().split("\n")
    command = started[started.index("train"):-1]
    options = command[:command.index("--")] if "--" in command else command
    assert options[-2:] == ["--resume", "auto"] and set(form) <= set(command)


def test_a_folder_that_did_not_finish_is_seen(tmp_path):
    (tmp_path / "base.toml").write_text("config_version = 1\n")
    done = run_job_on_stubs(tmp_path, "base.toml", "-orun", status=75)
    assert done.returncode == 75 and "requeued" in done.stderr
    assert (tmp_path / "scontrol").read_text() == "requeue 7\n"
    assert (tmp_path / "run/.requeues").read_text() == "7 1\n"


@pytest.mark.parametrize("options", [["--dry-run"], ["--dry"], ["--find-lr=20"], ["--find-b"], ["--print-config"]])
@pytest.mark.parametrize("status", [0, 137])
def test_what_trains_nothing_is_not_requeued(tmp_path, options, status):
    (tmp_path / "base.toml").write_text("config_version = 1\n")
    done = run_job_on_stubs(tmp_path, "base.toml", *options, status=status)
    assert done.returncode == status and "run folder none" in done.stderr
    assert not (tmp_path / "scontrol").exists() and not list(tmp_path.glob("**/.requeues"))


def test_tasks_of_an_array_cannot_be_given_one_folder(tmp_path):
    (tmp_path / "base.toml").write_text("config_version = 1\n")
    words = ["base.toml", "--out", "runs/sweep-7/x"]
    done = run_job_on_stubs(tmp_path, *words, "-oruns/mine", BIFRONS_OUT="runs/sweep-7/x")
    assert done.returncode == 64 and "--out runs/mine: a task of an array trains in runs/sweep-7/x" in done.stderr
    assert not (tmp_path / "srun").exists()
    done = run_job_on_stubs(tmp_path, *words, BIFRONS_OUT="runs/sweep-7/x", ends="runs/sweep-7/x")
    assert done.returncode == 0, done.stderr


def test_help_is_shown_and_nothing_started(tmp_path):
    done = run_job_on_stubs(tmp_path, "--help")
    assert done.returncode == 0 and "Usage: bifrons train" in done.stdout
    assert not (tmp_path / "srun").exists()
