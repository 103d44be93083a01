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


RECORD = '{"exit": "%s"}'


def run_job_on_stubs(folder, *arguments, restarts=0, stubs=None, **outcome):
    """slurm/job with the real program for --print-out, and a launcher that keeps its arguments, a line each, and
    leaves the run.json `record` in the folder `ends`. `stubs`: commands in the place of these."""
    outcome = {"ends": "", "record": RECORD % "OK", "status": 0, "BIFRONS_RETRY_S": 0, **outcome}
    started = f"""printf '%s\\n' "$@" >{folder}/started; [ -z "$STUB_ENDS" ] || {{ mkdir -p "$STUB_ENDS"
                  echo "$STUB_RECORD" >"$STUB_ENDS/run.json"; }}; exit $STUB_STATUS"""
    commands = {"srun": started, "mpirun": started, "squeue": "echo RUNNING",
                "scontrol": f"echo \"$*\" >>{folder}/scontrol", **(stubs or {})}
    place = folder / "stubs"
    place.mkdir(exist_ok=True)
    for name, text in commands.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "OMPI_", "PRTE_"))}
    return subprocess.run(["bash", "-c", 'export JOB_PID=$$; exec bash "$@"', "job", ROOT / "slurm/job", *arguments],
                          capture_output=True, text=True, timeout=60, cwd=folder,
                          env={**environment, "PATH": f"{place}:{os.environ['PATH']}", "BIFRONS": str(PROGRAM),
                               "SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(restarts), **{
                                   key if key.isupper() else f"STUB_{key.upper()}": str(value)
                                   for key, value in outcome.items()}})


def run_small(folder, stubs=None, **outcome):
    """The same with a program that only names the run folder `run`."""
    return run_job_on_stubs(folder, "base.toml", BIFRONS="program", stubs={"program": "echo run", **(stubs or {})},
                            **outcome)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def fails_first(folder, name, times, message, then):
    """A command that fails so many times with the message, and then does what it should."""
    return {name: f"echo \"$*\" >>{folder}/{name}\n[ $(wc -l <{folder}/{name}) -gt {times} ] || "
                  f"{{ echo '{message}' >&2; exit 1; }}\n{then}"}


TIMED_OUT = "slurm_load_jobs error: Socket timed out on send/recv operation"


@pytest.mark.parametrize("form", OUT_FORMS, ids=" ".join)
def test_the_program_tells_the_run_folder(tmp_path, form):
    for name, text in (("base", ""), ("more", ""), ("named", "name = 'a run'\n")):
        (tmp_path / f"{name}.toml").write_text(f"config_version = 1\n{text}")
    folder = {"--set": "runs/a 'run", "named.toml": "runs/a run"}.get(form[0], "a run")
    done = run_job_on_stubs(tmp_path, "base.toml", *form, restarts=1, ends=folder)
    assert done.returncode == 0 and f"run folder {folder}, from the beginning" in done.stderr, done.stderr
    assert "finished" in done.stderr and not (tmp_path / "scontrol").exists()
    started = (tmp_path / "started").read_text().split("\n")
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
    assert not (tmp_path / "started").exists()
    done = run_job_on_stubs(tmp_path, *words, BIFRONS_OUT="runs/sweep-7/x", ends="runs/sweep-7/x")
    assert done.returncode == 0, done.stderr


def test_help_is_shown_and_nothing_started(tmp_path):
    done = run_job_on_stubs(tmp_path, "--help")
    assert done.returncode == 0 and "Usage: bifrons train" in done.stdout
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("status", [75, 137])
def test_a_task_of_an_array_is_requeued_alone(tmp_path, status):
    """The last task has the number of the whole array: Slurm takes that number for all its tasks."""
    tells = "case $* in *'-j 7_2 '*) echo RUNNING ;; *) echo RUNNING; echo RUNNING ;; esac"
    done = run_small(tmp_path, {"squeue": tells}, status=status, SLURM_ARRAY_JOB_ID=7, SLURM_ARRAY_TASK_ID=2)
    assert done.returncode == status and "requeued, goes on from there" in done.stderr, done.stderr
    assert lines(tmp_path / "scontrol") == ["requeue 7_2"]
    assert lines(tmp_path / "run/.requeues") == ["7_2 1"]


@pytest.mark.parametrize("record, final", [
    (RECORD % "DIVERGED", True), (RECORD % "MEMORY", True), (RECORD % "TORCH", True), (RECORD % "INTERNAL", True),
    (RECORD % "PEER", False), (RECORD % "AGAIN", False), ('{"exit": null}', False), (None, False)])
def test_a_failure_of_a_link_or_a_node_is_requeued(tmp_path, record, final):
    """Both end with 70, as does what would fail again: the run's record tells them apart."""
    done = run_small(tmp_path, status=70, **({"ends": "run", "record": record} if record else {}))
    assert done.returncode == 70 and ("final" in done.stderr) == final, done.stderr
    assert lines(tmp_path / "scontrol") == ([] if final else ["requeue 7"])


def test_the_record_of_an_earlier_start_does_not_count(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text(RECORD % "DIVERGED" + "\n")
    assert run_small(tmp_path, status=70).returncode == 70
    assert lines(tmp_path / "scontrol") == ["requeue 7"]


def test_links_that_never_hold_are_given_up(tmp_path):
    for start in range(5):
        done = run_small(tmp_path, status=70, restarts=start)
    assert "not requeued" in done.stderr and len(lines(tmp_path / "scontrol")) == 3


@pytest.mark.parametrize("times", [1, 4, 1000])
def test_a_squeue_that_fails_is_asked_again(tmp_path, times):
    """What stays unknown counts as running: without the requeue the job would be lost."""
    done = run_small(tmp_path, fails_first(tmp_path, "squeue", times, TIMED_OUT, "echo RUNNING"), status=75)
    assert "requeued, goes on from there" in done.stderr and TIMED_OUT in done.stderr, done.stderr
    assert lines(tmp_path / "scontrol") == ["requeue 7"]
    assert len(lines(tmp_path / "squeue")) == min(times + 1, 5)


@pytest.mark.parametrize("state", ["COMPLETING", "PENDING", ""])
def test_a_job_that_slurm_has_ended_is_left_alone(tmp_path, state):
    done = run_small(tmp_path, {"squeue": f"echo {state} >>{tmp_path}/asked; cat {tmp_path}/asked"}, status=75)
    assert f"Slurm has the job as {state or 'ended'}: left to Slurm" in done.stderr
    assert lines(tmp_path / "asked") == [state] and not (tmp_path / "scontrol").exists()


def test_a_requeue_that_fails_is_tried_again(tmp_path):
    answer = "slurm_requeue error: Unable to contact slurm controller"
    done = run_small(tmp_path, fails_first(tmp_path, "scontrol", 2, answer, "exit 0"), status=75)
    assert "requeued, goes on from there" in done.stderr and answer in done.stderr
    assert len(lines(tmp_path / "scontrol")) == 3 and lines(tmp_path / "run/.requeues") == ["7 1"]
    (tmp_path / "scontrol").unlink()
    done = run_small(tmp_path, fails_first(tmp_path, "scontrol", 1000, answer, "exit 0"), status=75)
    assert done.returncode == 75 and "not requeued" in done.stderr and len(lines(tmp_path / "scontrol")) == 5


def test_a_requeue_that_is_forbidden_is_tried_once(tmp_path):
    answer = "Requested operation is presently disabled for job 7"
    done = run_small(tmp_path, fails_first(tmp_path, "scontrol", 1000, answer, "exit 0"), status=75)
    assert done.returncode == 75 and answer in done.stderr and "submit the same again" in done.stderr
    assert len(lines(tmp_path / "scontrol")) == 1


def test_a_requeue_whose_answer_is_lost_is_seen(tmp_path):
    """Slurm has the job as PENDING then: nothing is left to do."""
    stubs = {**fails_first(tmp_path, "scontrol", 1000, TIMED_OUT, ""),
             "squeue": f"[ -e {tmp_path}/scontrol ] && echo PENDING || echo RUNNING"}
    done = run_small(tmp_path, stubs, status=75)
    assert "Slurm has the job as PENDING: left to Slurm" in done.stderr, done.stderr
    assert len(lines(tmp_path / "scontrol")) == 1


def test_mpirun_is_called_as_both_versions_take_it(tmp_path):
    """Open MPI 5 has no --quiet, and ends for it; variables that it does not know do not matter."""
    started = f"env >{tmp_path}/variables; printf '%s\\n' \"$@\" >{tmp_path}/started"
    run_small(tmp_path, {"mpirun": started}, BIFRONS_LAUNCHER="mpirun")
    assert lines(tmp_path / "started") == ["--bind-to", "none", str(tmp_path / "stubs/program"), "train", "base.toml"]
    assert {"OMPI_MCA_orte_execute_quiet=1", "PRTE_MCA_prte_execute_quiet=1"} <= set(lines(tmp_path / "variables"))


@pytest.mark.parametrize("name", ["USR1", "TERM", "INT"])
def test_a_signal_before_the_ranks_is_not_lost(tmp_path, name):
    done = run_small(tmp_path, {"program": f"kill -{name} $JOB_PID; echo run"})
    assert done.returncode == 75 and f"{name}: asked to end before the ranks have started" in done.stderr, done.stderr
    assert lines(tmp_path / "scontrol") == ["requeue 7"] and not (tmp_path / "started").exists()
