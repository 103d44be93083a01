"""One timed run: starts a trainer, watches its metrics.jsonl and its processes, and sums up.

Both trainers write metrics.jsonl from rank 0, a row a step; processor time and memory are read from
/proc, so that both are measured from the outside and alike.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAUSE_S = 0.005
FACTS_EVERY_S = 0.1


@dataclasses.dataclass
class Measurement:
    step_ms: float  # median, without the warm-up
    wait_ms: float  # for data, mean
    start_s: float  # from starting the command to the end of the first step
    seconds: float  # of all steps after the warm-up, with what happens between them
    steps: int  # in those seconds
    cpu_ms: float  # processor time of all ranks, a step
    peak_mib: float  # of the largest rank


class Failed(Exception):
    """A trainer that did not end well; its output is the message."""


# Our own message, or the exception that Python ended with; not the launcher's, which only says that one failed.
REASON = re.compile(r"^(?:\[rank\d+\]: ?)?(error: .*|(?!torch\.distributed\.elastic)[\w.]+(?:Error|Exception|Interrupt)\b.*)")


def reason_of(output):
    """The line of a program's output that says why it failed."""
    lines = [line.strip() for line in output.splitlines()]
    reasons = [found.group(1) for found in map(REASON.match, lines) if found]
    told = [line for line in lines if re.search(r"\w", line)]
    return reasons[-1] if reasons else told[-1] if told else "it says nothing"


def descendants(root):
    """Process ids below root, itself included."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, ahead = [], [root]
    while ahead:
        found.append(ahead.pop())
        ahead += children.get(found[-1], [])
    return found


class Facts:
    """Processor time of a job so far and the most memory one of its ranks ever had."""

    def __init__(self, root, rank_name):
        self.root, self.rank_name, self.peak_kib, self.ticks = root, rank_name, 0, {}

    def look(self):
        for pid in descendants(self.root):
            folder = pathlib.Path("/proc", str(pid))
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                status = (folder / "status").read_text()
                command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            self.ticks[pid] = int(stat[11]) + int(stat[12])
            if any(self.rank_name in word for word in command[:3]) and "VmHWM:" in status:
                peak = int(status.partition("VmHWM:")[2].split()[0])
                self.peak_kib = max(self.peak_kib, peak)

    def cpu_s(self):
        self.look()
        return sum(self.ticks.values()) / TICKS


def rows_of(path):
    try:
        lines = path.read_text().split("\n")[:-1]
    except OSError:
        return []
    return [row for row in map(json.loads, lines) if row["kind"] == "train"]


class Job:
    """A running trainer. `follow` is called until it says done; several jobs may run at once."""

    def __init__(self, command, folder, rank_name, steps, warm, environment):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.rows_path, self.log_path = folder / "metrics.jsonl", folder.with_suffix(".log")
        self.steps, self.warm = steps, warm
        self.start_s, self.cpu, self.size, self.looked = None, {}, -1, 0.0
        self.began = time.monotonic()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT,
                                            env={**os.environ, **environment})
        self.facts = Facts(self.process.pid, rank_name)

    def follow(self):
        if self.process.poll() is not None:
            return True
        try:
            size = self.rows_path.stat().st_size
        except OSError:
            size = 0
        if size > self.size:
            self.size = size
            done = len(rows_of(self.rows_path))
            if done >= 1 and self.start_s is None:
                self.start_s = time.monotonic() - self.began
            for mark in (self.warm, self.steps):
                if done >= mark and mark not in self.cpu:
                    self.cpu[mark] = self.facts.cpu_s()
        elif time.monotonic() - self.looked > FACTS_EVERY_S:
            self.looked = time.monotonic()
            self.facts.look()
        return False

    def result(self):
        rows = rows_of(self.rows_path)
        if self.process.returncode != 0 or len(rows) < self.steps or len(self.cpu) < 2:
            output = self.log_path.read_text(errors="replace").strip()
            raise Failed(f"{' '.join(map(str, self.process.args))}\nended with status "
                         f"{self.process.returncode} after {len(rows)} of {self.steps} steps:\n"
                         f"{output[-2000:]}\n{reason_of(output)}")
        timed = rows[self.warm:self.steps]
        return Measurement(
            step_ms=statistics.median(row["step_ms"] for row in timed),
            wait_ms=statistics.fmean(row["data_wait_ms"] for row in timed),
            start_s=self.start_s,
            seconds=timed[-1]["time"] - rows[self.warm - 1]["time"],
            steps=len(timed),
            cpu_ms=(self.cpu[self.steps] - self.cpu[self.warm]) / len(timed) * 1e3,
            peak_mib=self.facts.peak_kib / 1024)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def run(jobs, limit_s):
    """Follows jobs (functions that start one) until all have ended; their measurements."""
    started = []
    try:
        started += [start() for start in jobs]
        deadline = time.monotonic() + limit_s
        while not all([job.follow() for job in started]):
            if time.monotonic() > deadline:
                raise Failed(f"{started[0].log_path.stem}: not done within {limit_s:.0f} s")
            time.sleep(PAUSE_S)
        return [job.result() for job in started]
    finally:
        for job in started:
            job.end()
