"""How many threads a rank computes with, and how they wait. The arithmetic: tests/base/test_threads.c."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from exact_runs import command, sets  # noqa: F401

BIFRONS = os.environ.get("BIFRONS", "build/dev/bifrons")
OURS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_DISPLAY_ENV")
CPUS = len(os.sched_getaffinity(0))


def run(*words, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in OURS}
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=240,
                          stdin=subprocess.DEVNULL, env={**clean, **environment})
    assert done.returncode == 0, done.stderr
    return done


def told(sets, tmp_path, *before, threads=0, ranks=0, **environment):  # noqa: F811
    """What the line "ranks:" says of threads, and all that was said."""
    words = command(sets, tmp_path / "none", "--dry-run", ranks=ranks, keys=[f"train.threads={threads}"])
    at = words.index(BIFRONS)
    said = run(*words[:at], *before, *words[at:], **environment).stderr
    return re.search(r"ranks: .*?\), (\d+ threads? each.*?), on cpu", said)[1], said


@pytest.mark.parametrize("ranks", [0, 2])
def test_omp_num_threads_decides(sets, tmp_path, ranks):  # noqa: F811
    assert told(sets, tmp_path, ranks=ranks, OMP_NUM_THREADS="3")[0] == "3 threads each (OMP_NUM_THREADS)"


def test_of_a_list_the_first_counts(sets, tmp_path):  # noqa: F811
    text, said = told(sets, tmp_path, OMP_NUM_THREADS="4,2")
    assert text == "4 threads each (OMP_NUM_THREADS)" and "is not used" not in said


@pytest.mark.parametrize("ranks", [0, 2])
def test_what_is_no_number_is_named_once_and_not_used(sets, tmp_path, ranks):  # noqa: F811
    text, said = told(sets, tmp_path, ranks=ranks, OMP_NUM_THREADS="four")
    assert text == told(sets, tmp_path, ranks=ranks)[0]  # as many as without it
    assert said.count('OMP_NUM_THREADS="four" is not used') == 1 and "libgomp" not in said
    assert "is not used" not in told(sets, tmp_path, OMP_NUM_THREADS="")[1]


def test_the_key_goes_before_the_variable(sets, tmp_path):  # noqa: F811
    assert told(sets, tmp_path, threads=2)[0] == "2 threads each"
    assert told(sets, tmp_path, threads=2, OMP_NUM_THREADS="2")[0] == "2 threads each"
    assert (told(sets, tmp_path, threads=1, OMP_NUM_THREADS="2")[0] ==
            "1 thread each (train.threads, not OMP_NUM_THREADS)")


def test_a_binding_is_told(sets, tmp_path):  # noqa: F811
    first, online = min(os.sched_getaffinity(0)), os.cpu_count()
    text, _ = told(sets, tmp_path, "taskset", "-c", first)
    assert text == "1 thread each" + f" (bound to 1 of {online} CPUs)" * (online > 1)


def cgroup_of_cpus():
    """Where the hierarchy that limits CPUs is mounted, and the files that say so."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        mount, (kind, _, options) = line.split()[4], line.partition(" - ")[2].split()
        if kind == "cgroup" and "cpu" in options.split(","):
            return mount, {"cpu.cfs_quota_us": "{0}", "cpu.cfs_period_us": "100000"}
        if kind == "cgroup2" and pathlib.Path(mount, "cgroup.controllers").read_text().split().count("cpu"):
            return mount, {"cpu.max": "{0} 100000"}
    return None, {}


def with_quota(quota):
    """Words that start a program where other files lie where it looks for its quota."""
    mount, files = cgroup_of_cpus()
    if not mount:
        pytest.skip("no cgroups that limit CPUs are mounted here")
    write = " && ".join(f"echo {text.format(int(quota * 1e5))} >{name}" for name, text in files.items())
    script = f'mount -t tmpfs none {mount} && cd {mount} && {write} && cd "$0" && exec "$@"'
    within = ["unshare", "--mount", "sh", "-ec", script, os.getcwd()]
    tried = subprocess.run([*within, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    return within


@pytest.mark.skipif(CPUS < 2, reason="with one CPU no quota makes fewer threads")
@pytest.mark.parametrize("ranks, quota, reason", [(0, 1.5, "1.5"), (0, 0.5, "0.5"), (2, 1.5, None)])
def test_a_quota_is_kept(sets, tmp_path, ranks, quota, reason):  # noqa: F811
    within = with_quota(quota)
    text, _ = told(sets, tmp_path, *within, ranks=ranks)
    if CPUS // max(ranks, 1) > 1:
        assert text == f"1 thread each (the container's CPU quota of {reason or f'{quota} for {ranks} ranks'})"
    else:
        assert text == "1 thread each"


@pytest.mark.skipif(CPUS < 2, reason="with one CPU no quota makes fewer threads")
def test_a_quota_is_kept_without_training():
    assert info(*with_quota(1.9))["threads"] == 1


def info(*before, **environment):
    return json.loads(run(*before, BIFRONS, "info", "--json", **environment).stdout)


def test_commands_without_the_key_choose_alike():
    """info, eval, swap and inspect set libtorch up before they begin."""
    assert 1 <= info()["threads"] <= CPUS  # a quota of this machine is kept, too
    assert info(OMP_NUM_THREADS="3,2")["threads"] == 3
    assert info("taskset", "-c", min(os.sched_getaffinity(0)))["threads"] == 1


@pytest.mark.parametrize("given, taken", [
    ({}, "5000"),
    ({"GOMP_SPINCOUNT": "77"}, "77"),
    ({"OMP_WAIT_POLICY": "passive"}, "0"),
    ({"OMP_WAIT_POLICY": "active"}, "30000000000"),
])
def test_threads_wait_shortly_unless_the_user_says_how(given, taken):
    said = run(BIFRONS, "info", OMP_DISPLAY_ENV="verbose", **given).stderr
    if "GOMP_SPINCOUNT" not in said:
        pytest.skip("libtorch's OpenMP is not libgomp")
    assert re.findall(r"GOMP_SPINCOUNT = '(\d+)'", said) == [taken]
