"""The notebooks: the Japanese one runs from top to bottom with few pictures and steps; both have the same code and outputs."""

import ast
import base64
import os
import pathlib
import re

import pytest

try:
    import ipykernel  # noqa: F401
    import matplotlib  # noqa: F401
    import nbclient
    import nbformat
    import torch  # noqa: F401
except ImportError as missing:
    pytest.skip(f"not installed: {missing.name}", allow_module_level=True)

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["course.ja.ipynb", "course.ipynb"]
# A cell that is added at the end: values of the notebook's variables.
FACTS = """
{"parameters": light.parameters, "compression": (compression, light.compression), "apart": float(apart),
 "encoder": float(rest), "decoders": [float(of["A's loss"]["decoder_b"].norm()), float(of["B's loss"]["decoder_a"].norm())],
 "reached": [float(of[name][part].norm()) for name in ("A's loss", "B's loss") for part in ("encoder", f"decoder_{name[0].lower()}")],
 "totals": totals, "curve": (curve[0], min(curve)), "steps": float(run.train["step"][-1]), "best": run.best.exists(),
 "pair": [axis.get_subplotspec().get_gridspec().get_geometry() for axis in pair.axes],
 "sheet": [axis.get_subplotspec().get_gridspec().get_geometry() for axis in sheet.axes], "rows": len(rows),
 "marked": marked, "consent": model.consent}
"""


def read(name):
    return nbformat.read(ROOT / "notebooks" / name, 4)


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    environment = {"BIFRONS_NOTEBOOK_SMALL": "1", "BIFRONS_NOTEBOOK_FOLDER": str(folder / "work"),
                   "BIFRONS": str(pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve()),
                   "OMP_NUM_THREADS": "2", "IPYTHONDIR": str(folder / "ipython"), "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
                   "MPLCONFIGDIR": str(folder / "matplotlib")}
    notebook = read("course.ja.ipynb")
    notebook.cells.append(nbformat.v4.new_code_cell(FACTS))
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment.items():
            patch.setenv(key, value)
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": ROOT / "notebooks"}}).execute()
    assert (folder / "work/run").exists()  # and not in the source tree
    return ast.literal_eval(notebook.cells[-1].outputs[-1]["data"]["text/plain"])


def test_its_key_numbers(facts):
    assert facts["parameters"] == 6_696_134
    assert facts["compression"] == (24, 24)
    assert facts["apart"] < 1e-4  # losses in PyTorch against the program's
    assert facts["encoder"] < 1e-5 and facts["decoders"] == [0, 0] and min(facts["reached"]) > 0
    assert facts["totals"][-1] < facts["totals"][0] and facts["curve"][1] < facts["curve"][0]


def test_it_trains_and_shows_the_sheets(facts):
    assert facts["steps"] == 8 and facts["best"]  # an epoch: 29 training pictures, 4 a step
    assert facts["pair"] == [(2, 3)] * 6
    assert facts["sheet"] == [(4, facts["rows"])] * (4 * facts["rows"]) and facts["rows"] == 8
    assert facts["marked"] and all("nobody" in statement for statement in facts["consent"])


def test_both_languages_have_the_same_code_and_outputs():
    japanese, english = map(read, NAMES)
    assert [cell.cell_type for cell in japanese.cells] == [cell.cell_type for cell in english.cells]
    for ours, theirs in zip(japanese.cells, english.cells):
        if ours.cell_type == "code":
            assert ours.source == theirs.source and ours.outputs == theirs.outputs
        else:
            assert re.search("[ぁ-ん]", ours.source) and not re.search("[ぁ-ん]", theirs.source)
            assert ours.source.count("|") == theirs.source.count("|") and ours.source.count("## ") == theirs.source.count("## ")
    sections = [re.findall(r"^## (\d+)\.", cell.source, re.M) for cell in english.cells if cell.cell_type == "markdown"]
    assert sum(sections, []) == [str(i + 1) for i in range(10)]


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_kept_and_nothing_names_a_machine(name):
    notebook, path = read(name), ROOT / "notebooks" / name
    assert path.stat().st_size < 3_000_000
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    pictures = [base64.b64decode(output["data"]["image/png"]) for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 10 and sum(b"DigitalSourceType" in picture for picture in pictures) == 1
    told = "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "6,696,134" in told and not any(output.output_type == "error" for output in outputs)
    assert "Warning" not in told  # Python's
    assert all("500 pictures or more" in line for line in told.splitlines() if line.startswith("warning: "))
    sources = [cell.source for cell in notebook.cells]
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users|opt|usr|mnt)/|https?://|pypi", "\n".join([told, *sources]))
