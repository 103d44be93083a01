"""The scripts of slurm/ under a real Slurm: submitted, preempted, stopped, requeued, finished."""
import contextlib
import copy
import json
import os
import pathlib
import shutil
import signal

import pytest

from cluster import wait_for
from conftest import PROGRAM, ROOT

STEPS = 40
SMALL = ["model.image_size=64", "model.width=16", "model.latent=32", "train.global_batch=4", "train.threads=1",
         "train.precision=fp32",
         "train.device=cpu", "train.seed=3", "log.every_steps=1", "train.epochs=100000", "log.preview_epochs=0",
         "log.tensorboard=false"]
SIZE = ["--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=1", "--cpus-per-task=1"]


class Job:
    """A job of slurm/*.sbatch in its own folder, which takes the place of the source tree."""

    def __init__(self, slurm, folder):
        self.slurm, self.folder, self.out, self.logs = slurm, folder, folder / "run", "*.log"
        shutil.copytree(ROOT / "slurm", folder / "slurm")

    def task(self, number, out):
        """The same for one task of an array."""
        task = copy.copy(self)
        task.id, task.out, task.logs = f"{self.id}_{number}", self.folder / out, f"*-{number}.log"
        return task

    def submit(self, script, *options, arguments=(), **environment):
        environment = {"BIFRONS": str(PROGRAM), "OMPI_ALLOW_RUN_AS_ROOT": "1",
                       "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **environment}
        self.id = self.slurm.run("sbatch", "--parsable", *options, self.folder / "slurm" / script,
                                 *arguments, cwd=self.folder, **environment).strip()
        return self

    def facts(self):
        words = self.slurm.run("scontrol", "show", "job", self.id, cwd=self.folder).split()
        return dict(word.partition("=")[::2] for word in words)

    def log(self):
        return "".join(p.read_text() for p in sorted(self.folder.glob(self.logs)))

    def ranks(self):
        """Process ids of the ranks that run here, oldest first, as seen from outside."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_text().split("\0")
                place = pathlib.Path(os.readlink(process / "cwd"))
                if (os.readlink(process / "exe").endswith("bifrons-engine")
                        and self.out in (place / word.rpartition("=")[2] for word in words)):
                    found.append(int(process.name))
            except OSError:
                pass  # gone
        return sorted(found)

    def rows(self):
        path = self.out / "metrics.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        return [(row["step"], row["loss"]["total"]) for row in rows if row["kind"] == "train"]

    def wait_for_steps(self, n):
        wait_for(lambda: len(self.rows()) >= n or self.is_finished(), self.tell, 300)
        assert len(self.rows()) >= n, self.tell()

    def is_finished(self):
        """By its own record: asking Slurm takes longer than a step."""
        path = self.out / "run.json"
        return path.exists() and '"exit": "OK"' in path.read_text()

    @contextlib.contextmanager
    def held_after(self, n):
        """Its ranks stand still after so many steps: what is done meanwhile comes before the run's end."""
        self.wait_for_steps(n)
        ranks = self.ranks()
        for pid in ranks:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield ranks
        finally:
            for pid in ranks:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def wait_for_request(self, n):
        """Until slurm/job has been told for the n-th time to stop its ranks."""
        wait_for(lambda: self.log().count("asking for a checkpoint") >= n, self.tell, 240)

    def wait_for_start(self, n):
        """Until Slurm runs it again, for the n-th time after the first."""
        wait_for(lambda: (f := self.facts())["Restarts"] == str(n) and f["JobState"] == "RUNNING",
                 self.tell, 180)

    def preempt(self, steps):
        """After so many steps a job of the higher partition takes its nodes, and ends at once."""
        asked = self.log().count("asking for a checkpoint")
        with self.held_after(steps):
            high = self.slurm.begin("srun", "-p", "high", "-N2", "--exclusive", "true", cwd=self.folder)
            self.wait_for_request(asked + 1)
        _, err = high.communicate(timeout=240)
        assert high.returncode == 0, err

    def wait_for_end(self, *states):
        """The job's facts once it is in one of the states, by default finished well."""
        states = states or ("COMPLETED",)
        ended = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED")
        facts = wait_for(lambda: (f := self.facts())["JobState"] in ended and f, self.tell, 600)
        assert facts["JobState"] in states, self.tell()
        return facts

    def tell(self):
        return f"{self.facts()}\n{self.log()}\n{self.slurm.log()}"


def train_arguments(sets, out, *keys, steps=STEPS):
    words = ["--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out]
    for key in (*SMALL, *([f"train.max_steps={steps}"] if steps else []), *keys):
        words += ["--set", key]
    return words


@pytest.fixture
def job(slurm, tmp_path):
    return Job(slurm, tmp_path)


@pytest.fixture(scope="session")
def uninterrupted(slurm, sets, tmp_path_factory):
    """The run left alone, as README has it: srun on two nodes."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    slurm.run("srun", "--mpi=pmix", *SIZE, PROGRAM, "train", *train_arguments(sets, folder / "run"),
              cwd=folder, timeout_s=300)
    return folder / "run"


def assert_same_checkpoint(out, other, name):
    torch = pytest.importorskip("torch")
    a, b = (torch.load(folder / "checkpoints" / name, weights_only=True) for folder in (out, other))
    model, moments = a["model_state_dict"], a["optimizer_state_dict"]["state"]
    assert a["step"] == b["step"] and model.keys() == b["model_state_dict"].keys()
    assert all(torch.equal(model[key], b["model_state_dict"][key]) for key in model)
    assert all(torch.equal(moments[i]["exp_avg"], b["optimizer_state_dict"]["state"][i]["exp_avg"])
               for i in moments)


def assert_same_end(out, other):
    for name in ("latest.pt", "best.pt"):
        assert_same_checkpoint(out, other, name)
    assert (out / "metrics.jsonl").read_text().count("\n") == (
        other / "metrics.jsonl").read_text().count("\n")


def test_a_preempted_job_goes_on_and_equals_one_left_alone(job, sets, uninterrupted):
    arguments = train_arguments(sets, job.out)
    at = arguments.index("--out")
    arguments[at:at + 2] = [f"--ou={job.out}"]
    job.submit("train.sbatch", "-p", "low", "--time=10", "--signal=B:USR1@60", *SIZE, arguments=arguments)
    job.preempt(3)
    facts = job.wait_for_end()
    assert facts["Restarts"] == "1", job.tell()
    assert "requeued, goes on from there" in job.log()
    assert [step for step, _ in job.rows()] == list(range(1, STEPS + 1))
    assert_same_end(job.out, uninterrupted)


@pytest.mark.slurm
@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_a_rank_killed_is_requeued(job, sets, uninterrupted, launcher):
    job.submit("train.sbatch", *SIZE, BIFRONS_LAUNCHER=launcher,
               arguments=train_arguments(sets, job.out, "checkpoint.every_steps=5"))
    with job.held_after(6) as ranks:
        os.kill(ranks[-1], signal.SIGKILL)
    facts = job.wait_for_end()
    assert facts["Restarts"] == "1"
    assert_same_end(job.out, uninterrupted)


@pytest.mark.slurm
def test_a_job_that_loses_a_node_goes_on(job, sets, uninterrupted):
    """Slurm requeues it, not slurm/job. The node is back as soon as its slurmd answers."""
    job.submit("train.sbatch", *SIZE, arguments=train_arguments(sets, job.out, "checkpoint.every_steps=5"))
    with job.held_after(6):
        job.slurm.run("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=test", cwd=job.folder)
    facts = job.wait_for_end()
    assert facts["Restarts"] == "1" and "left to Slurm" in job.log()
    assert_same_end(job.out, uninterrupted)


@pytest.mark.slurm
@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_a_stopped_job_goes_on(job, sets, uninterrupted, launcher):
    job.submit("train.sbatch", *SIZE, BIFRONS_LAUNCHER=launcher,
               arguments=train_arguments(sets, job.out))
    with job.held_after(3):
        job.slurm.run("scancel", "--batch", "--signal=USR1", job.id, cwd=job.folder)
        job.wait_for_request(1)
    facts = job.wait_for_end()
    assert facts["Restarts"] == "1" and "status 75, step-" in job.log()
    assert "mpirun detected" not in job.log() and "Primary job" not in job.log()
    assert_same_end(job.out, uninterrupted)


@pytest.mark.slurm
def test_a_job_that_knows_its_time_stops_before_it(job, sets):
    """Slurm sends no signal here: the trainer asks for the time left and stops by itself."""
    job.submit("train.sbatch", "--time=1", "--signal=B:URG@1", *SIZE,
               arguments=train_arguments(sets, job.out, steps=100000))
    wait_for(lambda: job.facts()["Restarts"] == "1", job.tell, 120)
    assert "the Slurm job's time ends in" in job.log()
    assert "(the Slurm job's time is nearly over) with a checkpoint" in job.log()
    assert "TIME LIMIT" not in job.log()
    job.wait_for_steps(len(job.rows()) + 1)
    job.slurm.run("scancel", job.id, cwd=job.folder)


@pytest.mark.slurm
def test_slurm_warns_before_the_time_limit(job, sets):
    """By USR1, minutes before, when the trainer by itself would still go on."""
    job.submit("train.sbatch", "--time=3", "--signal=B:USR1@170", *SIZE,
               arguments=train_arguments(sets, job.out, steps=100000))
    job.wait_for_start(1)
    assert "USR1: asking for a checkpoint" in job.log()
    assert "(on request) with a checkpoint" in job.log()
    job.slurm.run("scancel", job.id, cwd=job.folder)


@pytest.mark.slurm
def test_one_time_limit_and_three_preemptions_change_nothing(job, sets, tmp_path):
    """How many steps there are is known once the first minute is over, on any machine."""
    def limit_steps(n):
        (job.folder / "steps.toml").write_text(f"config_version = 1\n[train]\nmax_steps = {n}\n")

    limit_steps(100000)
    job.submit("train.sbatch", "-p", "low", "--time=1", "--signal=B:USR1@15", *SIZE,
               arguments=["steps.toml", *train_arguments(sets, job.out, steps=None)])
    wait_for(lambda: "with a checkpoint in" in job.log(), job.tell, 120)
    steps = len(job.rows()) + 150
    limit_steps(steps)
    job.slurm.run("scontrol", "update", f"JobId={job.id}", "TimeLimit=30", cwd=job.folder)
    for restarts in (1, 2, 3):
        job.wait_for_start(restarts)
        job.preempt(len(job.rows()) + 20)
    facts = job.wait_for_end()
    assert facts["Restarts"] == "4", job.tell()
    alone = tmp_path / "alone"
    job.slurm.run("srun", "--mpi=pmix", *SIZE, PROGRAM, "train",
                  *train_arguments(sets, alone, steps=steps), cwd=tmp_path, timeout_s=600)
    assert_same_end(job.out, alone)
    print(f"{steps} steps in 5 lives: {[line for line in job.log().splitlines() if 'requeued' in line]}")


@pytest.mark.slurm
def test_a_cancelled_job_stays_cancelled(job, sets):
    job.submit("train.sbatch", *SIZE, arguments=train_arguments(sets, job.out))
    with job.held_after(3):
        job.slurm.run("scancel", job.id, cwd=job.folder)
    facts = job.wait_for_end("CANCELLED")
    assert facts["Restarts"] == "0" and "requeued" not in job.log()


@pytest.mark.slurm
def test_a_held_job_waits_for_its_release(job, sets, uninterrupted):
    job.submit("train.sbatch", *SIZE, arguments=train_arguments(sets, job.out))
    with job.held_after(3):
        job.slurm.run("scontrol", "requeuehold", job.id, cwd=job.folder)
    wait_for(lambda: job.facts()["JobState"] == "PENDING", job.tell)
    job.slurm.run("scontrol", "release", job.id, cwd=job.folder)
    job.wait_for_end()
    assert_same_end(job.out, uninterrupted)


@pytest.mark.slurm
def test_a_run_that_dies_at_once_is_given_up_after_three_requeues(job, tmp_path):
    (tmp_path / "program").write_text(
        "#!/bin/sh\ncase $* in *--print-out*) echo runs/x;; *) kill -KILL $$;; esac\n")
    (tmp_path / "program").chmod(0o755)
    job.submit("train.sbatch", *SIZE, BIFRONS=str(tmp_path / "program"), arguments=["x.toml"])
    facts = job.wait_for_end("FAILED")
    assert facts["Restarts"] == "3" and facts["ExitCode"] == "137:0"
    assert "not requeued" in job.log()


@pytest.mark.slurm
def test_a_bad_configuration_ends_before_the_ranks(job, sets):
    job.submit("train.sbatch", *SIZE, arguments=train_arguments(sets, job.out, "train.lrr=1"))
    facts = job.wait_for_end("FAILED")
    assert facts["ExitCode"] == "78:0" and "train.lrr" in job.log()
    job.submit("train.sbatch", *SIZE, arguments=train_arguments(sets, job.out, "train.global_batch=1"))
    facts = job.wait_for_end("FAILED")
    assert facts["ExitCode"] == "78:0" and facts["Restarts"] == "0"
    assert job.log().count("error: train.global_batch") == 1


@pytest.mark.slurm
def test_debug_runs_on_one_node(job, sets):
    shutil.copytree(ROOT / "configs", job.folder / "configs")
    job.submit("debug.sbatch", arguments=["--set", f"data.a={sets}/a.h5", "--set",
                                          f"data.b={sets}/b.h5", "--out", job.out])
    job.wait_for_end()
    assert "ranks: 2 on 1 node" in job.log() and len(job.rows()) == 20


@pytest.mark.slurm
def test_tasks_of_an_array_are_requeued_one_by_one(job, sets):
    """The last task has the number of the whole array. Each task goes on alone; one that has finished stays so."""
    steps = {"short": 3, "long": 30, "longest": 60}
    (job.folder / "base.toml").write_text("config_version = 1\nname = \"base\"\n")
    for name, n in steps.items():
        (job.folder / f"{name}.toml").write_text(f"[train]\nmax_steps = {n}\n")
    keys = [word for key in (*SMALL, f"data.a=\"{sets}/a.h5\"", f"data.b=\"{sets}/b.h5\"") for word in ("--set", key)]
    job.submit("array.sbatch", "--array=1-3", "--cpus-per-task=1",
               arguments=["base.toml", *(f"{name}.toml" for name in steps), "--", *keys])
    short, long, longest = (job.task(i, f"runs/sweep-{job.id}/{name}") for i, name in enumerate(steps, 1))

    def stop(*tasks, after, ended):
        with contextlib.ExitStack() as held:
            for task in tasks:
                held.enter_context(task.held_after(after))
            ended.wait_for_end()
            for task in tasks:
                asked = task.log().count("asking for a checkpoint")
                job.slurm.run("scancel", "--batch", "--signal=USR1", task.id, cwd=job.folder)
                task.wait_for_request(asked + 1)

    stop(long, longest, after=3, ended=short)
    longest.wait_for_start(1)
    stop(longest, after=len(longest.rows()) + 3, ended=long)
    assert longest.wait_for_end()["Restarts"] == "2", longest.tell()
    assert [task.facts()["Restarts"] for task in (short, long)] == ["0", "1"]
    assert all(task.facts()["JobState"] == "COMPLETED" for task in (short, long))
    assert [[step for step, _ in task.rows()] for task in (short, long, longest)] == [
        list(range(1, n + 1)) for n in steps.values()]


@pytest.mark.slurm
def test_a_launch_without_pmix_is_told_once(slurm, sets, tmp_path):
    done = slurm.start("srun", "--mpi=none", *SIZE, PROGRAM, "train",
                       *train_arguments(sets, tmp_path / "run"), cwd=tmp_path)
    ours = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 64 and len(ours) == 1, done.stderr
