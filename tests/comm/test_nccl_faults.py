"""The NCCL backend when something is wrong, on stand-ins for NCCL and CUDA (tests/standins): each
run ends, in time, with a report that names who or what."""

import os
import subprocess
import time
from pathlib import Path

import pytest

WORKER = os.environ["NCCL_WORKER"]
TIMEOUT_S = 1.0
NOT_BY_THE_DEADLINE = 3600.0  # a run that sat it out would not be back when we give up on it
GIVE_UP_S = 120  # far beyond deadline, report, and what mpirun takes on a busy machine


class Run:
    def __init__(self, backend="nccl", device="cuda", fault=(), ranks=2, timeout_s=TIMEOUT_S,
                 per_rank=None, **settings):
        env = {**os.environ, "STANDIN_CUDA_DEVICES": "4", **settings}
        worker = [WORKER, backend, device, str(timeout_s), *map(str, fault)]
        command = ["mpirun"]
        for rank in range(ranks) if per_rank else [None]:
            command += [":"] if rank else []
            command += ["-n", str(1 if per_rank else ranks)]
            for key, values in (per_rank or {}).items():
                command += ["-x", f"{key}={values[rank]}"]
            command += worker
        before, shared = time.monotonic(), shared_memory()
        done = subprocess.run(command, env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=GIVE_UP_S)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        assert "ThreadSanitizer" not in self.err, self.err
        while shared_memory() - shared:  # mpirun may end before its ranks' memory goes
            assert time.monotonic() - before < GIVE_UP_S, f"left behind: {shared_memory() - shared}"
            time.sleep(0.05)

    def failed_with(self, report):
        assert self.code == 70, self.out + self.err
        assert self.err.count(report) == 1, self.err  # once, not once a rank
        return True


def shared_memory():
    return {p.name for p in Path("/dev/shm").iterdir()
            if p.name.startswith(("bifrons-board-", "standin-nccl-"))}


def test_without_faults_all_is_summed():
    run = Run(ranks=2)
    assert run.code == 0, run.err
    assert "rank 0: nccl device 0 sum 32" in run.out and "rank 1: nccl device 1 sum 32" in run.out


def test_a_slow_rank_is_waited_for():
    assert "sum 32" in Run(timeout_s=20, STANDIN_NCCL_FAIL="1:3:slow").out


# ---- Opening ---------------------------------------------------------------------------------


def test_a_rank_on_which_nccl_fails_tells_the_others():
    run = Run(timeout_s=NOT_BY_THE_DEADLINE, STANDIN_NCCL_FAIL="1:0:error")
    assert run.code == 70
    # by one peer or both: mpirun ends the job with the first that leaves
    assert run.out.count("PEER by rank 1: NCCL cannot open: unhandled system error") in (1, 2)


def test_an_opening_that_hangs_ends():
    run = Run(STANDIN_NCCL_FAIL="1:0:hang")
    assert run.code == 70
    assert "NCCL has not opened after 1 s" in run.out


def test_more_ranks_than_gpus():
    run = Run(backend="nccl", STANDIN_CUDA_DEVICES="1")
    assert run.code == 78
    assert "ranks 0 and 1" in run.out and "more ranks than GPUs" in run.out
    run = Run(backend="auto", STANDIN_CUDA_DEVICES="1")
    assert "rank 1: mpi device 0 sum 32" in run.out
    assert "by MPI through host memory: ranks 0 and 1" in run.err


def test_slices_of_one_gpu():
    run = Run(backend="auto", STANDIN_CUDA_SLICES="1")
    assert "rank 1: mpi device 1 sum 32" in run.out
    assert "by MPI through host memory: ranks 0 and 1" in run.err and "MIG slices of one GPU" in run.err


def test_mpi_can_be_asked_for():
    run = Run(backend="mpi")
    assert "rank 1: mpi device 1 sum 32" in run.out


def test_no_gpu():
    run = Run(backend="nccl", STANDIN_CUDA_DEVICES="0")
    assert run.code == 78 and "rank 0 on host" in run.out and "has no GPU" in run.out
    run = Run(backend="auto", STANDIN_CUDA_DEVICES="0")
    assert run.code == 69 and 'train.device = "cuda"' in run.out
    run = Run(backend="auto", device="auto", STANDIN_CUDA_DEVICES="0")
    assert "rank 0: mpi device -1 sum 32" in run.out


def test_one_rank_without_a_gpu():
    run = Run(backend="auto", device="auto", per_rank={"STANDIN_CUDA_DEVICES": [1, 0]})
    assert "rank 0: mpi device -1" in run.out
    assert "rank 1 on host" in run.err and "all ranks work on CPUs" in run.err


def test_nccl_on_the_cpu():
    run = Run(backend="nccl", device="cpu")
    assert run.code == 78 and 'train.device = "cpu"' in run.out


def test_a_gpu_that_is_not_there():
    run = Run(backend="auto", device="cuda:7")
    assert run.code == 69 and "it has 4" in run.out


def test_a_launcher_that_shows_each_rank_its_own():
    run = Run(backend="auto", device="auto", STANDIN_CUDA_DEVICES="1",
              per_rank={"STANDIN_CUDA_FIRST": [0, 1]})
    assert "rank 0: nccl device 0" in run.out and "rank 1: nccl device 0" in run.out


def test_versions_of_nccl_that_differ():
    versions = {"STANDIN_NCCL_VERSION": [22907, 22803]}
    run = Run(backend="nccl", per_rank=versions)
    assert run.code == 78
    assert "rank 0 has NCCL 2.29.7 and rank 1" in run.out and "has 2.28.3" in run.out


# ---- Collectives -----------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_rank_that_does_not_come(ranks):
    run = Run(fault=("absent", 1), ranks=ranks)
    assert run.failed_with("rank 1 has not begun it")
    assert "(all-reduce of 1000 x f32) has not ended after" in run.err
    assert "rank 0 has not" not in run.err and "rank 2 has not" not in run.err


def test_a_debugger_suspends_the_deadline():
    run = Run(fault=("traced", 1), timeout_s=4)
    if "cannot trace" in run.err:
        pytest.skip("one process may not trace another here")
    assert run.code == 0 and "rank 1: nccl device 1 sum 32" in run.out, run.out + run.err


def test_a_rank_that_comes_with_another_count():
    run = Run(fault=("odd", 1), timeout_s=NOT_BY_THE_DEADLINE)
    assert run.failed_with("ranks are out of step")
    assert "all-reduce of 1000 x f32" in run.err and "all-reduce of 999 x f32" in run.err


def test_a_gpu_that_hangs():
    run = Run(STANDIN_NCCL_FAIL="1:3:hang")
    assert run.failed_with("every rank has begun it, so a GPU or a link hangs")


def test_an_asynchronous_error():
    run = Run(timeout_s=NOT_BY_THE_DEADLINE, STANDIN_NCCL_FAIL="1:3:async")
    assert run.failed_with("rank 1 on host")
    assert "remote process exited" in run.err


def test_a_call_that_fails():
    run = Run(timeout_s=NOT_BY_THE_DEADLINE, STANDIN_NCCL_FAIL="1:3:error")
    assert run.failed_with("rank 1 on host")


def test_a_device_that_fails():
    run = Run(timeout_s=NOT_BY_THE_DEADLINE, STANDIN_CUDA_FAIL="cudaEventQuery:3:719")
    assert run.code == 70
    assert "CUDA: cudaEventQuery: the stand-in's CUDA error 719" in run.err


@pytest.mark.parametrize("copy,what", [(9, "to the host"), (10, "back")])
def test_a_copy_that_fails_where_ranks_share_a_gpu(copy, what):
    """The last collective's two copies. All ranks know, and end in order."""
    run = Run(backend="auto", timeout_s=NOT_BY_THE_DEADLINE, STANDIN_CUDA_DEVICES="1",
              per_rank={"STANDIN_CUDA_FAIL": ["", f"cudaMemcpyAsync:{copy}:719"]})
    assert run.code == 70
    assert run.out.count("by rank 1: CUDA: cudaMemcpyAsync: the stand-in's CUDA error 719") == 2


def test_memory_that_runs_out():
    run = Run(STANDIN_CUDA_FAIL="cudaMalloc:1:2")
    assert run.code == 70 and "the GPU has no 0 MiB for the flat state" in run.out
