#!/usr/bin/env python3
"""notebooks/refresh.py: runs course.ja.ipynb from top to bottom and keeps its outputs, in both languages.

  .venv/bin/python notebooks/refresh.py

The code cells of course.ipynb become those of course.ja.ipynb, with the same outputs; its texts stay. Edit code in the
Japanese notebook only. Takes about five minutes on two cores. Pictures are stored with 256 colours; those with XMP data stay
as they are. Nothing is written if an output names a folder of this machine.
"""

import base64
import io
import os
import pathlib
import re
import shutil

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent


def smaller(png):
    """A PNG with 256 colours, in base64 as it came."""
    data = base64.b64decode(png)
    if b"DigitalSourceType" in data:  # the mark of bifrons swap
        return png
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode() if out.tell() < len(data) else png


def clean(cell):
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            data["image/png"] = smaller(data["image/png"])
        output.get("metadata", {}).clear()
        told = output.get("text", "") + data.get("text/plain", "")
        place = re.search(rf"{re.escape(str(HERE.parent))}|{re.escape(os.path.expanduser('~'))}/|/tmp/", told)
        if place or output.output_type == "error":
            raise SystemExit(f"an output is not fit to be kept: {told}")


def main():
    for run in ("run", "one-step"):  # drawn pictures may stay: they are the same each time
        shutil.rmtree(HERE / "work" / run, ignore_errors=True)
    japanese, english = (nbformat.read(HERE / name, 4) for name in ("course.ja.ipynb", "course.ipynb"))
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
