#!/usr/bin/env python3
"""notebooks/refresh.py: runs course.ja.ipynb from top to bottom and keeps its outputs, in both languages.

  .venv/bin/python notebooks/refresh.py

course.ipynb gets the code cells of course.ja.ipynb, with the same outputs, and keeps its texts. Edit code in the Japanese
notebook only. Takes about five minutes on two cores. Pictures are stored with 256 colours; pictures with XMP data stay as
they are. Nothing is written if a cell fails, or if an output names a folder of this machine.
"""

import base64
import io
import os
import pathlib
import re
import shutil

try:
    import nbformat
    from nbclient import NotebookClient
    from PIL import Image
except ImportError as missing:
    raise SystemExit(f"notebooks/refresh.py: {missing.name} is not installed: use .venv/bin/python, which "
                     "scripts/setup makes") from None

HERE = pathlib.Path(__file__).resolve().parent


def smaller(png):
    """The PNG with 256 colours, if that is smaller. Both are base64."""
    data = base64.b64decode(png)
    if b"DigitalSourceType" in data:  # the mark of bifrons swap
        return png
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode() if out.tell() < len(data) else png


def clean(cell):
    """Takes out of a cell's outputs what is not kept. Ends the program if one of them is unfit."""
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            data["image/png"] = smaller(data["image/png"])
        output.get("metadata", {}).clear()
        told = output.get("text", "") + data.get("text/plain", "")
        place = re.search(rf"{re.escape(str(HERE.parent))}|{re.escape(os.path.expanduser('~'))}/|/tmp/", told)
        if place or output.output_type == "error":
            raise SystemExit(f"notebooks/refresh.py: an output names a folder of this machine, or is an error: {told}")


def main():
    japanese, english = (nbformat.read(HERE / name, 4) for name in ("course.ja.ipynb", "course.ipynb"))
    n, m = (sum(cell.cell_type == "markdown" for cell in notebook.cells) for notebook in (japanese, english))
    if n != m:
        raise SystemExit(f"notebooks/refresh.py: course.ja.ipynb has {n} cells of text, course.ipynb {m}: give both the same")
    for name in ("BIFRONS_NOTEBOOK_SMALL", "BIFRONS_NOTEBOOK_FOLDER"):  # those of a quick trial
        os.environ.pop(name, None)
    for run in ("run", "one-step"):  # drawn pictures may stay: they are the same each time
        shutil.rmtree(HERE / "work" / run, ignore_errors=True)
    NotebookClient(japanese, timeout=3600, record_timing=False, resources={"metadata": {"path": HERE}}).execute()
    code, texts = ([cell for cell in notebook.cells if (cell.cell_type == "code") == (notebook is japanese)]
                   for notebook in (japanese, english))
    for cell in code:
        clean(cell)
    code, texts = iter(code), iter(texts)
    english.cells = [next(code if cell.cell_type == "code" else texts) for cell in japanese.cells]
    japanese.metadata.language_info = english.metadata.language_info = {"name": "python"}
    for name, notebook in (("course.ja.ipynb", japanese), ("course.ipynb", english)):
        nbformat.write(notebook, HERE / name)


if __name__ == "__main__":
    main()
