"""report.html: what it says of a run, as a browser shows it; which folders and files are refused."""

import base64
import io
import json
import re
import shutil

import numpy
import PIL.Image
import pytest
from browser import browser  # noqa: F401
from exact_runs import BIFRONS, command, run, sets, train  # noqa: F401

KEYS = ["log.preview_epochs=1", "model.width=16", "model.width_max=32", "log.report=true"]
SCRIPT = "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
JAPANESE = "葵 (Aoi)"
LONG = "Bruno van den Heuvel-Sørensen-Öhman"
MEGABYTE = 1 << 20


def report(*words):
    return run(BIFRONS, "report", *words)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S).group(1))


def rows(out, kind):
    return [row for row in map(json.loads, (out / "metrics.jsonl").read_text().splitlines()) if row["kind"] == kind]


@pytest.fixture(scope="session")
def trained(sets, tmp_path_factory):  # noqa: F811
    """Four epochs of 3 steps, then two more with another learning rate."""
    out = tmp_path_factory.mktemp("trained") / "run"
    train(sets, out, keys=[*KEYS, "train.max_steps=12"])
    train(sets, out, keys=[*KEYS, "train.max_steps=18", "train.lr=5e-4"])
    return out


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run", symlinks=True)


def test_training_writes_the_page(trained):
    data, = data_of(trained / "report.html")["runs"]
    assert data["record"]["exit"] == "OK" and data["notes"] == []
    assert data["metrics"]["train"]["columns"]["step"] == list(range(1, 19))
    for kind in ("train", "val"):
        want = [row["loss"]["a"]["l1"] for row in rows(trained, kind)]
        assert data["metrics"][kind]["columns"]["loss.a.l1"] == pytest.approx(want, rel=1e-4)
    changed = {k["key"]: (k["value"], k["default"]) for k in data["config"] if k["value"] != k["default"]}
    assert changed["model.width"] == ("16", "64") and "train.schedule" not in changed
    assert [s["now"] for s in data["sets"]] == ["same", "same"] and all(s["sheet"] for s in data["sets"])
    assert data["plans"][0]["parameters"] > 1e5


def test_events_are_kept_over_a_restart(trained):
    events = list(map(json.loads, (trained / "events.jsonl").read_text().splitlines()))
    seen = [(e["event"], e["step"]) for e in events if e["event"] not in ("best", "checkpoint")]
    assert seen == [("start", 0), ("finished", 12), ("resume", 12), ("changed", 12), ("finished", 18)]
    changes = next(e["text"] for e in events if e["event"] == "changed")
    assert "train.lr: 0.001 -> 0.0005" in changes and "train.max_steps: 12 -> 18" in changes
    saved = {e["step"] for e in events if e["event"] in ("best", "checkpoint")}
    assert {12, 18} <= saved and any(e["event"] == "best" for e in events)


def test_previews_keep_their_mark(trained):
    data, = data_of(trained / "report.html")["runs"]
    assert {g["name"] for g in data["previews"]} == {"grid", "swaps"}
    for group in data["previews"]:
        assert [p["step"] for p in group["pictures"]] == [3, 6, 9, 12, 15, 18]
        newest = base64.b64decode(group["pictures"][-1]["uri"].split(",")[1])
        assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in newest
        shown = PIL.Image.open(io.BytesIO(newest)).convert("RGB")
        stored = PIL.Image.open(trained / f"previews/step-0000000018-{group['name']}.png").resize(shown.size, PIL.Image.BOX)
        assert numpy.abs(numpy.asarray(shown, float) - numpy.asarray(stored, float)).mean() < 4


def test_a_browser_shows_it(trained, browser):  # noqa: F811
    page = trained / "report.html"
    browser.open(page)
    assert browser.value("document.title") == "run – Bifrons report"
    assert browser.value("document.querySelectorAll('#previews img').length") == 2

    newest = browser.value("document.querySelector('#previews img').src")
    browser.value("document.getElementById('slider').focus()")
    for key, step in (("ArrowLeft", 15), ("Home", 3)):
        browser.press(key)
        assert browser.value("document.getElementById('shown').textContent") == f"step {step}"
    assert browser.value("document.querySelector('#previews img').alt").startswith("Step 3: ")
    assert browser.value("document.querySelector('#previews img').src") != newest

    chart = "document.querySelector('[data-title=\"Total loss\"]')"
    browser.value(f"{chart}.scrollIntoView({{block: 'center'}})")
    x, y = browser.value(f"(b => [b.left + 52 + (b.width - 60) * 7 / 18, b.top + 80])({chart}.querySelector('div + svg').getBoundingClientRect())")
    browser.point(x, y)
    want = rows(trained, "train")[6]
    assert want["step"] == 7
    assert float(browser.value(f"{chart}.querySelector('.legend b').textContent")) == pytest.approx(want["loss"]["total"], rel=1e-3)
    assert "step 7, epoch 3" in browser.value("document.getElementById('at').textContent")
    browser.value("document.getElementById('log').click()")
    assert "it must not be" not in browser.value("document.body.textContent")
    assert browser.value("[...document.querySelectorAll('#events .event-row')].filter(r => /keys changed/.test(r.textContent)).length") == 1

    assert browser.value("[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth && ['auto', 'scroll']"
                         ".includes(getComputedStyle(e).overflowX)).map(e => e.outerHTML.slice(0, 80))") == []  # sideways
    assert browser.troubles() == [] and browser.requests() == [page.as_uri()]


@pytest.fixture(scope="session")
def pages(trained, tmp_path_factory):
    """A report of one run and one of two, of people with long names, one of whom is learned worse."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("first", "second"):
        out = shutil.copytree(trained, folder / name, symlinks=True)
        record = json.loads((out / "run.json").read_text())
        record["people"][0]["person"], record["people"][1]["person"] = JAPANESE, LONG
        (out / "run.json").write_text(json.dumps(record))
        lines = list(map(json.loads, (out / "metrics.jsonl").read_text().splitlines()))
        for row in lines:
            for key in ("recon_l1_b", "swap_l1_a"):
                if key in row.get("metrics", {}):
                    row["metrics"][key] *= 2
            row["stage"] = 1 if row["step"] < 12 else 2  # of larger pictures, whose losses are larger
            row["loss"]["total"] = row["stage"] ** 4 / (1 + row["step"])
        (out / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
        with (out / "events.jsonl").open("a") as f:
            f.write('{"event": "skipped", "step": 7, "text": "loss 9.5"}\n')
        config = (out / "config.resolved.toml").read_text()
        assert 'stages = "off"' in config and "max_steps = 18" in config
        stages = "stages = [{image_size = 64, epochs = 2}, {image_size = 64, epochs = 4, global_batch = 3}]"
        (out / "config.resolved.toml").write_text(config.replace('stages = "off"', stages).replace("max_steps = 18", "max_steps = 100"))
        assert report(out).returncode == 0
    assert report(folder / "first", folder / "second", "-o", folder / "both.html").returncode == 0
    return {"one": folder / "first/report.html", "both": folder / "both.html"}


@pytest.mark.parametrize("width, dark", [(390, True), (768, False)])
@pytest.mark.parametrize("which", ["one", "both"])
def test_it_fits_narrow_screens(pages, browser, which, width, dark):  # noqa: F811
    browser.open(pages[which], width=width, height=844, dark=dark)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("innerWidth") == width  # a telephone makes room for what does not fit
    assert browser.value("getComputedStyle(document.body).backgroundColor") == ("rgb(20, 22, 26)" if dark else "rgb(251, 250, 247)")
    assert browser.value("[...document.querySelectorAll('main *')].filter(e => !e.closest('.table, .frame, svg') && e.getBoundingClientRect().right >"
                         " e.closest('section').getBoundingClientRect().right).map(e => e.outerHTML.slice(0, 80))") == []
    small = "Math.min(...[...document.querySelectorAll('svg[role=img]')].map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
    assert browser.value(small) >= 0.99  # letters in drawings keep their size
    if width == 390:
        assert browser.value("matchMedia('(pointer: coarse)').matches")
        assert browser.value("[...document.querySelectorAll('button, select, summary, nav a, .controls label')].filter(e => e.checkVisibility() &&"
                             " e.getBoundingClientRect().height < 40).map(e => e.outerHTML)") == []
    assert browser.troubles() == []


def test_a_finger_reads_a_curve(pages, browser):  # noqa: F811
    browser.open(pages["one"], width=390, height=844)
    chart = "document.querySelector('[data-title=\"Total loss\"]')"
    browser.value(f"{chart}.scrollIntoView({{block: 'center'}})")
    browser.tap(*browser.value(f"(b => [b.left + 52 + (b.width - 60) * 7 / 18, b.top + 80])({chart}.querySelector('div + svg').getBoundingClientRect())"))
    assert browser.value(f"{chart}.querySelector('.at').textContent") == "step 7"
    assert float(browser.value(f"{chart}.querySelector('.legend b').textContent")) == pytest.approx(1 / 8, rel=1e-3)
    assert browser.value("document.getElementById('step').value") == "7"
    assert "step skipped at step 7 (loss 9.5)" in browser.value("document.getElementById('at').textContent")
    place = browser.value("(b => [b.top, b.bottom])(document.getElementById('at').getBoundingClientRect())")
    assert 0 < place[0] < place[1] <= 844  # seen beside the curve
    browser.value("document.querySelector('.found button').click()")
    assert browser.value("document.querySelectorAll('.at').length") == 0 and browser.value("document.getElementById('step').value") == ""


def test_the_first_screen_answers(pages, browser):  # noqa: F811
    browser.open(pages["one"], width=390, height=844)
    place = "(b => b.bottom)(document.querySelector('.answers').getBoundingClientRect())"
    assert browser.value(place) < 844
    answers = browser.value("document.querySelector('.answers').textContent")
    assert "The run is learning." in answers and f"{LONG} is the harder person." in answers and "to look at." in answers
    found = browser.value("document.getElementById('findings').innerText")
    assert "In stage 2, the validation loss went from" in found and "a run with more epochs should be better" in found and "1 step had a spike" in found
    assert browser.value("plannedSteps(RUNS[0])") == 2 * 3 + 4 * 6  # of its stages
    browser.open(pages["both"])
    assert browser.value("document.getElementById('compare').innerText").count(f"{LONG} is the harder person.") == 2


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    return numpy.dot([0.2126, 0.7152, 0.0722], [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts])


def test_letters_and_curves_stand_out(trained):
    """Contrast ratios of WCAG 2.2, AA: 4.5 for letters, 3 for curves."""
    for theme in re.findall(r":root \{(.*?)\}", (trained / "report.html").read_text(), re.S)[:2]:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for name, colour in colours.items():
            for ground in ("card", "paper"):
                low, high = sorted([luminance(colour), luminance(colours[ground])])
                if name not in ("card", "paper", "line", "grid"):
                    assert (high + 0.05) / (low + 0.05) >= (3 if name[1:].isdigit() else 4.5), (name, ground)


def test_names_are_text(copied, browser):  # noqa: F811
    path = copied / "run.json"
    record = json.loads(path.read_text())
    record["people"][0]["person"], record["people"][1]["person"] = SCRIPT, JAPANESE
    record["people"][0]["consent"] = record["message"] = SCRIPT
    record["ranks"][0]["host"] = "constructor"  # every JavaScript object has one
    record["precision"] = "what auto became"
    path.write_text(json.dumps(record))
    with (copied / "metrics.jsonl").open("a") as f:
        f.write(json.dumps({"kind": "train", "step": 19, "constructor": 3}) + "\n")
        f.write(json.dumps({"kind": "train", "step": 19, "epoch": 7, SCRIPT[:60]: 1, "loss": {"new": 0.5}}) + "\n")
    (copied / "events.jsonl").write_text(json.dumps({"event": SCRIPT, "step": 3, "text": SCRIPT}) + "\n" +
                                         '{"event": "changed", "step": 4, "text": null}\n{"event": "constructor", "step": 5}\n')
    result = report(copied)
    assert result.returncode == 0, result.stderr
    browser.open(copied / "report.html")
    text = browser.value("document.body.innerText")
    assert SCRIPT in text and JAPANESE in text and "<b>" not in text
    assert browser.value("document.title") == "run – Bifrons report"
    assert browser.value("[...document.querySelectorAll('.chart h3')].map(h => h.textContent)").count("New") == 1
    assert "what auto became" in text
    assert "constructor: rank 0" in text and "Constructor" in text
    assert browser.troubles() == [] and len(browser.requests()) == 1


def test_a_torn_unfinished_run(copied, browser):  # noqa: F811
    record = json.loads((copied / "run.json").read_text())
    for key in ("ended", "exit", "message", "seconds"):
        record[key] = None
    (copied / "run.json").write_text(json.dumps(record))
    lines = (copied / "metrics.jsonl").read_bytes()
    (copied / "metrics.jsonl").write_bytes(lines.replace(b'{"kind"', b'{"ki', 1) + b'{"kind":"train","st')
    shutil.rmtree(copied / "previews")
    (copied / "events.jsonl").unlink()
    result = report(copied)
    n = lines.count(b"\n") + 1
    assert result.returncode == 0 and f"2 of {n} lines cannot be read (the first: line 1)" in result.stderr
    browser.open(copied / "report.html")
    text = browser.value("document.body.innerText")
    assert f"2 of {n} lines cannot be read" in text and "not ended" in text and "There are no previews" in text
    assert "resumed" in browser.value("document.getElementById('events').textContent")
    assert browser.troubles() == []


def test_what_face_networks_saw_is_drawn(copied, browser):  # noqa: F811
    with (copied / "metrics.jsonl").open("a") as file:
        for step, identity in ((6, .5), (12, .875)):
            faces = {"found_a": 1, "identity_a": identity, "found_b": 1, "identity_b": 1.25, "mouth_a": .5}
            file.write(json.dumps({"kind": "faces", "step": step, "epoch": 1, "position": step, "time": 1, "faces": faces}) + "\n")
    assert report(copied).returncode == 0
    browser.open(copied / "report.html")
    assert "What face networks see" in browser.value("[...document.querySelectorAll('.group')].map(g => g.textContent).join()")
    legends = {title: browser.value(f"document.querySelector('[data-title^=\"{title}\"] .legend').textContent")
               for title in ("Identity", "Share of swaps", "Mouth")}
    assert "0.875" in legends["Identity"] and "1.25" in legends["Identity"] and "0.5" in legends["Mouth"]
    assert browser.troubles() == []


def test_two_runs_side_by_side(trained, copied, browser, tmp_path):  # noqa: F811
    refused = report(trained, copied)
    assert refused.returncode == 64 and "-o FILE" in refused.stderr
    page = tmp_path / "both.html"
    assert report(trained, copied, "-o", page).returncode == 0
    browser.open(page)
    assert browser.value("document.querySelectorAll('#compare thead th').length") == 3
    assert browser.value("document.querySelectorAll('[data-title=\"Total loss\"] .legend span').length") == 4
    assert browser.value("document.querySelectorAll('#previews img').length") == 4
    assert browser.troubles() == [] and browser.requests() == [page.as_uri()]


def test_a_long_run_stays_small(copied):
    for path in (copied / "previews").glob("*.png"):
        path.unlink()
    noise = numpy.random.default_rng(1).integers(0, 256, (512, 512, 3), dtype=numpy.uint8)
    PIL.Image.fromarray(noise).save(copied / "previews/step-0000000001-grid.png", compress_level=1)
    for step in range(2, 201):
        (copied / f"previews/step-{step:010d}-grid.png").hardlink_to(copied / "previews/step-0000000001-grid.png")
    row = (copied / "metrics.jsonl").read_text().splitlines()[0]
    (copied / "metrics.jsonl").write_text("".join(row.replace('"step":1,', f'"step":{i},') + "\n" for i in range(1, 5001)))
    assert report(copied).returncode == 0
    assert MEGABYTE < (copied / "report.html").stat().st_size < 8 * MEGABYTE
    data, = data_of(copied / "report.html")["runs"]
    group, = data["previews"]
    steps = [p["step"] for p in group["pictures"]]
    assert group["all"] == 200 and steps[0] == 1 and steps[-1] == 200
    assert len(set(numpy.diff(steps[:-1]))) == 1 and len(steps) > 8
    columns = data["metrics"]["train"]["columns"]
    assert data["metrics"]["train"]["each"] == 5 and columns["step"] == list(range(5, 5001, 5))


@pytest.mark.parametrize("words, code, said", [
    (["nowhere"], 66, "no such folder: nowhere"),
    (["."], 65, ". is not a run folder"),
    ([], 64, "which run folder?"),
    (["run", "-o", "mine.html"], 64, "mine.html is there already and is no report of Bifrons"),
    (["run", "-o", "none/x.html"], 74, "cannot write none/x.html"),
    (["run", "--cluster", "mine.html"], 78, "mine.html"),
])
def test_what_is_refused(copied, tmp_path, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.html").write_text("<p>my own page")
    result = run(shutil.which(BIFRONS) or BIFRONS, "report", *words)
    assert result.returncode == code and said in result.stderr, result.stderr
    assert (tmp_path / "mine.html").read_text() == "<p>my own page"


def test_a_page_that_cannot_be_written_stops_nothing(sets, tmp_path):  # noqa: F811
    out = tmp_path / "run"
    out.mkdir()
    (out / "report.html").write_text("my own page")
    result = train(sets, out, keys=[*KEYS, "train.max_steps=2"])
    assert "no report: " in result.stderr and "training continues" in result.stderr
    assert (out / "report.html").read_text() == "my own page"
