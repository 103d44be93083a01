"""Runs a list of checks in order, each within a time limit, and keeps the results.

    battery = Battery(folder, minutes=15, gpus=1)
    battery.run([Check("info", "what the program says", 30, info)])
    print("\n".join(battery.table()))

A check is a function of the battery. It returns its figure, a line of text, or raises Failed or
NotRun with a reason. It starts its programs by battery.command, which ends them at the limit. After
each check a line of JSON is added to results.jsonl, so that nothing is lost if the machine goes away.
"""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import measure  # noqa: E402

PASSED, FAILED, NOT_RUN = "passed", "FAILED", "not run"
TERM_S = 3.0  # between asking programs to end and ending them
POLL_S = 0.02


class Failed(Exception):
    """The check ran and found a fault."""


class NotRun(Exception):
    """The check cannot run here, now."""


class OverTime(Exception):
    """The time of the check, or of the whole battery, is over."""


@dataclasses.dataclass(frozen=True)
class Check:
    name: str
    what: str  # a few words for the table
    limit_s: float
    function: typing.Callable
    gpus: int = 0  # the least number of GPUs; 0: it means something on a CPU, too


def end_tree(pid):
    """Ends a process and all below it. mpirun puts its ranks in process groups of their own."""
    pids = measure.descendants(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in pids:
            try:
                os.kill(each, number)
            except OSError:
                pass
        until = time.monotonic() + TERM_S
        while number == signal.SIGTERM and time.monotonic() < until and any(map(alive, pids)):
            time.sleep(POLL_S)


def alive(pid):
    try:
        stat = pathlib.Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Battery:
    def __init__(self, folder, minutes=None, gpus=0, patience=1, say=print):
        """patience: a factor on the limit of each check."""
        self.folder, self.gpus, self.patience, self.say = pathlib.Path(folder), gpus, patience, say
        self.until = time.monotonic() + minutes * 60 if minutes else float("inf")
        self.deadline, self.current, self.results = self.until, None, []
        self.interrupted = False
        self.folder.mkdir(parents=True, exist_ok=True)
        self.results_path = self.folder / "results.jsonl"
        self.results_path.write_text("")

    # ---- For checks ---------------------------------------------------------------------------

    def command(self, *words, status=0, env=(), while_running=None):
        """Runs a program; its output, both streams together, which is also added to NAME.log.
        while_running(process) is called again and again until the program ends."""
        words = [str(word) for word in words]
        log = self.folder / f"{self.current.name}.log"
        with open(log, "a+b") as file:
            file.write(f"$ {' '.join(words)}\n".encode())
            file.flush()
            began = file.tell()
            try:
                process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file,
                                           stderr=subprocess.STDOUT, env={**os.environ, **dict(env)},
                                           start_new_session=True)
            except OSError as error:
                raise NotRun(f"{words[0]}: {error.strerror}") from error
            try:
                while process.poll() is None:
                    if time.monotonic() > self.deadline:
                        raise OverTime
                    if while_running:
                        while_running(process)
                    time.sleep(POLL_S)
            finally:
                if process.poll() is None:
                    end_tree(process.pid)
                    process.wait()
            file.seek(began)
            output = file.read().decode(errors="replace")
        if process.returncode != status:
            raise Failed(f"{pathlib.Path(words[0]).name} ended with {ending(process.returncode)}"
                         f"{f' instead of {status}' * bool(status)}: {measure.reason_of(output)}")
        return output

    # ---- The battery --------------------------------------------------------------------------

    def run(self, checks):
        """Returns whether none failed. Ctrl-C ends the check that runs, and the rest are not run."""
        for check in checks:
            began, self.current = time.monotonic(), check
            if self.interrupted:
                result, figure = NOT_RUN, "interrupted"
            elif check.gpus > self.gpus:
                result, figure = NOT_RUN, f"needs {check.gpus} GPU{'s' * (check.gpus > 1)}, {self.gpus} here"
            elif began >= self.until:
                result, figure = NOT_RUN, "no time left"
            else:
                try:
                    result, figure = self.one(check, began)
                except KeyboardInterrupt:
                    result, figure, self.interrupted = NOT_RUN, "interrupted", True
            self.keep(check, result, figure, time.monotonic() - began)
        return self.count(FAILED) == 0

    def one(self, check, began):
        limit_s = check.limit_s * self.patience
        self.deadline = min(began + limit_s, self.until)
        (self.folder / f"{check.name}.log").unlink(missing_ok=True)
        try:
            return PASSED, check.function(self) or ""
        except Failed as failure:
            return FAILED, str(failure)
        except NotRun as reason:
            return NOT_RUN, str(reason)
        except OverTime:
            if time.monotonic() >= self.until:  # the battery's time is over, not the check's
                return NOT_RUN, f"no time left after {time.monotonic() - began:.0f} s"
            return FAILED, f"not done within {limit_s:g} s"
        except Exception as error:  # output that a check did not expect: go on with the next
            return FAILED, f"{type(error).__name__}: {error}"

    def keep(self, check, result, figure, seconds):
        figure = " ".join(str(figure).split())
        self.results.append((check, result, figure, seconds))
        with open(self.results_path, "a") as file:
            file.write(json.dumps({"check": check.name, "what": check.what, "result": result,
                                   "figure": figure, "seconds": round(seconds, 1)}) + "\n")
        self.say(f"{result:8}{seconds:6.1f} s  {check.name}: {figure}")

    def table(self):
        yield "| check | result | figure | s |"
        yield "| --- | --- | --- | --- |"
        for check, result, figure, seconds in self.results:
            yield f"| {check.what} | {result} | {figure.replace('|', '/')} | {seconds:.0f} |"

    def count(self, which):
        return sum(result == which for _, result, _, _ in self.results)


def ending(returncode):
    if returncode >= 0:
        return f"status {returncode}"
    return f"signal {-returncode} ({signal.Signals(-returncode).name})"
