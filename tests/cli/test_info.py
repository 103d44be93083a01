"""bifrons info --report: what a stranger may read of a run. The run here has people, folders, a host and statements
with words of their own, and it fails with a message that names a file: none of these words may show."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess

import pytest

from conftest import PROGRAM, ROOT, Result

PEOPLE = {"a": "Quixotina Zebedee", "b": "Пафнутий"}
CONSENT = "Wistaria and Xerxes signed it in Ballymena"
FOLDER = "kirschgarten of Ludmila"
HOST = "snowdrop-07.example"
SMALL = ["data.local_dir=Umbrella folder", "train.threads=1", "train.precision=auto", "train.device=cpu", "model.width=32",
         "model.width_max=32", "model.latent=8", "model.image_size=64", "log.preview_epochs=0", "log.report=false",
         "train.global_batch=2", "name=Zuzana", "checkpoint.every_steps=1"]
SECRETS = ["quixotina", "zebedee", "пафнутий", "wistaria", "xerxes", "ballymena", "kirschgarten", "ludmila", "snowdrop", "umbrella",
           "oleander", "tamarisk", "zuzana", "tmp", ".h5"]


def small_disk():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run that was resumed with other sets and another learning rate, on a disk that was full."""
    place = tmp_path_factory.mktemp("report") / FOLDER
    place.mkdir()

    def run(*words, **options):
        return subprocess.run([PROGRAM, *words], cwd=place, capture_output=True, text=True, timeout=120, **options)

    assert run("synth", "drawn", "--count", "6", "--size", "64").returncode == 0
    for letter, person in PEOPLE.items():
        done = run("pack", f"drawn/person_{letter}", "-o", f"oleander {letter}.h5", "--person", person, "--consent", CONSENT)
        assert done.returncode == 0, done.stderr
        shutil.copy(place / f"oleander {letter}.h5", place / f"tamarisk {letter}.h5")

    def train(name, steps, lr, **options):
        keys = [f"data.a={name} a.h5", f"data.b={name} b.h5", f"train.max_steps={steps}", f"train.lr={lr}", *SMALL]
        return run("train", "--out", "a run", "--resume", "auto", *(w for key in keys for w in ("--set", key)), **options)

    done = train("oleander", 2, 1e-3)
    assert done.returncode == 0, done.stderr
    done = train("tamarisk", 4, 2e-3, preexec_fn=small_disk)
    assert done.returncode == 74 and "File too large" in done.stderr, done.stderr
    record = json.loads((place / "a run/run.json").read_text())
    for rank in record["ranks"]:
        rank["host"] = HOST
    (place / "a run/run.json").write_text(json.dumps(record))
    return place


def info(place, *words):
    return Result(subprocess.run([PROGRAM, "info", *words], cwd=place, capture_output=True, text=True, timeout=60,
                                 env={**os.environ, "USER": "oleander", "HOSTNAME": HOST}))


def test_the_run_holds_all_that_must_not_show(place):
    held = "".join((place / "a run" / name).read_text() for name in ("run.json", "events.jsonl", "config.resolved.toml")).lower()
    held += json.dumps(json.loads((place / "a run/run.json").read_text()), ensure_ascii=False).lower()
    for word in SECRETS:
        if word not in ("kirschgarten", "ludmila", "tmp"):  # the folder of the run: known from outside alone
            assert word in held, word


def test_the_report_says_how_the_run_went_and_names_nobody(place):
    result = info(place, "--report", place / "a run")
    assert result.code == 0 and result.err == ""
    for words in (r"^bifrons +\d+\.\d+\.\d+$", r"^torch +2\.", r"^system +\S", r"^processor .*\d+ of \d+ cores may be used",
                  r"^memory +\d+ kB", r"^trained by +\d+\.\d+\.\d+, commit ", r"^ranks +1, nodes 1, device cpu, precision (fp32|bf16), backend self$",
                  r"^sums +1 bucket of [\d.]+ MiB, not summed: there is one rank$",
                  r"^pictures +A 6, B 6$", r"restarts 1$", r"^ended .*: IO at step 4", r"^message +from \w+:\d+; ",
                  r"^model\.width = 32$", r"^train\.lr = 0\.002$", r"^data\.a = \(given\)$", r"^name = \(given\)$",
                  r"^step 0, 0 s: start on 1 rank, 1 node$", r"^step 2, \d+ s: resume on 1 rank", r"^step 2, \d+ s: changed .*train\.lr",
                  r"^step \d, \d+ s: unsaved$", r"^step 4, \d+ s: failed$", r'^{"kind":"train","step":4,'):
        assert re.search(words, result.out, re.M), f"{words}\n{result.out}"
    assert "train.ema" not in result.out  # has its default
    for word in SECRETS:
        assert word not in result.out.lower(), word
    assert not re.search(rf"\b{re.escape(os.uname().nodename)}\b", result.out)


def test_the_message_is_found_in_the_source(place):
    """By its function and line: its text is in run.json alone."""
    where = re.search(r"^message +from (\w+):(\d+);", info(place, "--report", "a run").out, re.M)
    record = json.loads((place / "a run/run.json").read_text())
    assert record["where"] == f"{where.group(1)}:{where.group(2)}"
    sources = [path.read_text().splitlines() for path in (ROOT / "src").rglob("*.c")]
    line = int(where.group(2))
    assert any(len(lines) >= line and "FAIL" in "".join(lines[max(0, line - 6):line + 1])
               and any(where.group(1) + "(" in text for text in lines[:line]) for lines in sources), where.group(0)


def test_what_is_missing_or_damaged_is_named(place, tmp_path):
    shutil.copytree(place / "a run", tmp_path / "run", symlinks=True)
    (tmp_path / "run/run.json").write_text('{"people": ["Quixotina')
    (tmp_path / "run/config.resolved.toml").write_text("[train]\nlr = 'Zebedee'\n")
    with (tmp_path / "run/events.jsonl").open("a") as file:
        file.write('{"event": "Ludmila", "text": "Ludmila"}\n{"event":"unsaved","step":4,"text":"Ludmila')
    (tmp_path / "run/metrics.jsonl").unlink()
    result = info(tmp_path, "--report", "run")
    assert result.code == 0
    for words in (r"^run\.json: damaged$", r"^config\.resolved\.toml: cannot be read \(\w+:\d+\)$", r"^\(a damaged line\)$",
                  r"^metrics\.jsonl: missing$", r"failed$"):
        assert re.search(words, result.out, re.M), f"{words}\n{result.out}"
    for word in SECRETS:
        assert word not in result.out.lower(), word
    with (tmp_path / "run/metrics.jsonl").open("w") as file:
        file.truncate(65 << 20)
    assert re.search(r"^metrics\.jsonl: left out: longer than 64 MB$", info(tmp_path, "--report", "run").out, re.M)


@pytest.mark.parametrize("words, code, message", [
    (["run"], 64, "without --report"), (["--json", "--report"], 64, "exclude each other"),
    (["--report", "a", "b"], 64, "one run folder"), (["--report", "."], 65, "is not a run folder"),
])
def test_bad_usage_is_named(tmp_path, words, code, message):
    result = info(tmp_path, *words)
    assert result.code == code and message in result.err
