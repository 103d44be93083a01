"""Several hosts: network namespaces of this machine, made by hosts.sh and joined by TCP."""

import array
import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIFRONS, WORKER = os.environ["BIFRONS"], os.environ["HOSTS_WORKER"]
WATCHED = os.environ["WATCHDOG_WORKER"]
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
ON_HOSTS = ["mpirun", "--bind-to", "none", "--mca", "plm_rsh_agent", str(HERE / "hosts.sh")]


def run(*command, hosts=False, timeout_s=120, **options):
    words = [str(HERE / "hosts.sh")] * hosts + [str(word) for word in command]
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout_s, **options)


@pytest.fixture(autouse=True, scope="module")
def hosts():
    missing = [p for p in ("ip", "unshare", "nsenter") if not shutil.which(p, path=ENVIRONMENT["PATH"])]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here")
    if os.geteuid() != 0:
        pytest.skip("making network namespaces takes root")
    made = run("true", hosts=True, timeout_s=30)
    if made.returncode != 0:
        pytest.skip(f"network namespaces are not permitted here: {made.stderr.strip()}")


def sums(folder, name, *command, hosts=False):
    """What the ranks wrote, which has to be the same bytes for all; and what they printed."""
    done = run(*command[:-1], WORKER, folder / name, *command[-1], hosts=hosts)
    assert done.returncode == 0, done.stdout + done.stderr
    ranks = [(folder / f"{name}.{rank}").read_bytes() for rank in range(4)]
    assert len(set(ranks)) == 1
    return array.array("f", ranks[0]), done.stdout


def test_sums_over_hosts(tmp_path):
    over_tcp, said = sums(tmp_path, "tcp", *ON_HOSTS, "-n", 4, "--host", "n1:2,n2:2", [], hosts=True)
    assert said.count("of 4 on 2 nodes, n1") == 2 and said.count("of 4 on 2 nodes, n2") == 2
    same_layout, _ = sums(tmp_path, "layout", "mpirun", "-n", 4, [2])
    assert over_tcp == same_layout
    one_node, _ = sums(tmp_path, "node", "mpirun", "-n", 4, [])
    assert over_tcp != one_node  # or the test would show nothing
    assert all(abs(a - b) <= 1e-5 * abs(b) for a, b in zip(over_tcp, one_node))


def test_a_run_over_hosts(tmp_path):
    import torch
    run(BIFRONS, "synth", tmp_path / "drawn", "--count", 12, "--size", 64, "--seed", 1)
    for person in "ab":
        run(BIFRONS, "pack", tmp_path / "drawn" / f"person_{person}", "-o",
            tmp_path / f"{person}.h5", "--size", 64)
    states = []
    for name, launcher, hosts in (("hosts", [*ON_HOSTS, "--host", "n1,n2"], True),
                                  ("one", ["mpirun"], False)):
        settings = ["train.max_steps=4", "train.global_batch=4", "train.threads=1",
                    "model.image_size=64", "model.width=16"]
        done = run(*launcher, "-n", 2, BIFRONS, "train", "--data-a", tmp_path / "a.h5", "--data-b",
                   tmp_path / "b.h5", "--out", tmp_path / name,
                   *[word for setting in settings for word in ("--set", setting)], hosts=hosts)
        assert done.returncode == 0, done.stderr
        assert f"2 on {2 if hosts else 1} node" in done.stderr
        states.append(torch.load(tmp_path / name / "checkpoints" / "latest.pt", weights_only=True))
    for key, tensor in states[0]["model_state_dict"].items():
        assert torch.equal(tensor, states[1]["model_state_dict"][key]), key


# Ranks at work on both hosts, whose pids (of the namespace) are in "$2"; then what "$3" does to them.
# mpirun waits for a host that is lost until the kernel gives up sending to it: after seconds, not a
# quarter of an hour, with tcp_retries2 = 5.
FAULT = """
echo 5 >/proc/sys/net/ipv4/tcp_retries2
mpirun --bind-to none --mca plm_rsh_agent "$HOSTS_RSH" -n 4 --host n1:2,n2:2 "$1" 6 >"$2" &
left() { pgrep -x watchdog_worker -r R,S,D,T | wc -l; }
until [ "$(grep -c 'rank . pid' "$2")" = 4 ]; do sleep 0.1; done
eval "$3"
for i in $(seq 600); do
    [ "$(left)" = 0 ] && echo all ranks ended && break
    sleep 0.1
done
wait $!
echo "mpirun ended with $?, $(left) ranks are left"
"""


def fault(folder, what):
    """What the ranks wrote to stderr until they had all ended."""
    done = run("bash", "-c", FAULT, "bash", WATCHED, folder / "out", what, hosts=True)
    assert "all ranks ended" in done.stdout, done.stdout + done.stderr
    assert "mpirun ended with 70, 0 ranks are left" in done.stdout, done.stdout + done.stderr
    return done.stderr


def test_a_link_that_goes_down(tmp_path):
    report = fault(tmp_path, "ip link set to-n2 down")  # what n2 says does not come through
    assert ("all ranks seen from host n1 have waited for each other for 6 s: nothing is heard "
            "of host n2") in report
    assert re.search(r"rank \d on host n2 \(pid \d+\): nothing (has been heard|is known) of it", report)


def test_a_rank_that_is_stopped_on_another_host(tmp_path):
    report = fault(tmp_path, """kill -STOP "$(sed -n 's/rank 3 pid \\([0-9]*\\).*/\\1/p' "$2")" """)
    # what each host can tell: that of rank 0 learns it from the other one
    assert re.search(r"rank 3 on host n2 \(pid \d+\) has been stopped, and holds up the job", report)
    assert re.search(r"rank 0 on host n1 \(pid \d+\): in step \d+, waits for the others", report)
