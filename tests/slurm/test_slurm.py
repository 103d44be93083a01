"""The scripts of slurm/ under a real Slurm: submitted, preempted, stopped, requeued, finished."""
import json
import shutil

import pytest

from cluster import wait_for
from conftest import PROGRAM, ROOT

STEPS = 40
SMALL = ["model.image_size=64", "model.latent=32", "train.global_batch=4", "train.threads=1", "train.precision=fp32",
         "train.device=cpu", "train.seed=3", "log.every_steps=1", f"train.max_steps={STEPS}", "train.epochs=1000",
         "log.preview_epochs=0", "log.tensorboard=false"]
SIZE = ["--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=1", "--cpus-per-task=1"]


class Job:
    """A job of slurm/*.sbatch in its own folder, which takes the place of the source tree."""

    def __init__(self, slurm, folder):
        self.slurm, self.folder, self.out = slurm, folder, folder / "run"
        shutil.copytree(ROOT / "slurm", folder / "slurm")

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
        return "".join(p.read_text() for p in sorted(self.folder.glob("*.log")))

    def rows(self):
        path = self.out / "metrics.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        return [(row["step"], row["loss"]["total"]) for row in rows if row["kind"] == "train"]

    def wait_for_steps(self, n):
        wait_for(lambda: len(self.rows()) >= n or self.facts()["JobState"] not in
                 ("PENDING", "CONFIGURING", "RUNNING"), self.tell, 120)
        assert len(self.rows()) >= n, self.tell()

    def wait_for_end(self, *states):
        """The job's facts once it is in one of the states, by default finished well."""
        states = states or ("COMPLETED",)
        ended = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED")
        facts = wait_for(lambda: (f := self.facts())["JobState"] in ended and f, self.tell, 180)
        assert facts["JobState"] in states, self.tell()
        return facts

    def tell(self):
        return f"{self.facts()}\n{self.log()}\n{self.slurm.log()}"


def train_arguments(sets, out, *keys):
    words = ["--data-a", sets / "a.h5", "--data-b", sets / "b.h5", "--out", out]
    for key in (*SMALL, *keys):
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
              cwd=folder, timeout_s=120)
    return folder / "run"


def parameters(out):
    torch = pytest.importorskip("torch")
    state = torch.load(out / "checkpoints/latest.pt", weights_only=True)
    return state["step"], state["model_state_dict"], state["optimizer_state_dict"]["state"]


def assert_same_end(out, other):
    torch = pytest.importorskip("torch")
    (step, model, moments), (other_step, other_model, other_moments) = map(parameters, (out, other))
    assert step == other_step and model.keys() == other_model.keys()
    assert all(torch.equal(model[name], other_model[name]) for name in model)
    assert all(torch.equal(moments[i]["exp_avg"], other_moments[i]["exp_avg"]) for i in moments)
    assert (out / "metrics.jsonl").read_text().count("\n") == (
        other / "metrics.jsonl").read_text().count("\n")


def test_a_preempted_job_goes_on_and_equals_one_left_alone(job, sets, uninterrupted):
    job.submit("train.sbatch", "-p", "low", "--time=10", "--signal=B:USR1@60", *SIZE,
               arguments=train_arguments(sets, job.out))
    job.wait_for_steps(3)
    job.slurm.run("srun", "-p", "high", "-N2", "--exclusive", "true", cwd=job.folder)
    facts = job.wait_for_end()
    assert facts["Restarts"] == "1", job.tell()
    assert "requeued, goes on from there" in job.log()
    assert [step for step, _ in job.rows()] == list(range(1, STEPS + 1))
    assert_same_end(job.out, uninterrupted)


@pytest.mark.slurm
@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_a_job_near_its_time_limit_stops_and_goes_on(job, sets, uninterrupted, launcher):
    """Slurm sends USR1 to the script alone, at most a minute early: at once, with these limits."""
    job.submit("train.sbatch", "--time=1", "--signal=B:USR1@30", *SIZE, BIFRONS_LAUNCHER=launcher,
               arguments=train_arguments(sets, job.out, "train.max_steps=400"))
    job.wait_for_end()
    assert "USR1: asking for a checkpoint" in job.log()


@pytest.mark.slurm
@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_a_rank_killed_is_requeued(job, sets, uninterrupted, launcher):
    job.submit("train.sbatch", *SIZE, BIFRONS_LAUNCHER=launcher,
               arguments=train_arguments(sets, job.out, "checkpoint.every_steps=5"))
    job.wait_for_steps(6)
    job.kill_a_rank()
    facts = job.wait_for_end()
    assert facts["Restarts"] == "1"
    assert_same_end(job.out, uninterrupted)
