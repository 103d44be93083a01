"""A libtorch of another version than the program was built for is refused: its tensors have another layout."""

import os
import pathlib
import subprocess

import pytest

BIFRONS = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons"))


@pytest.mark.parametrize("arguments", [["info"], ["eval", "none.pt"]])
def test_another_version_is_refused_before_anything_is_done(arguments, tmp_path):
    library = BIFRONS.resolve().parent / "tests/libother_torch.so"
    done = subprocess.run([BIFRONS.resolve(), *arguments], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env={**os.environ, "LD_PRELOAD": str(library)})
    assert done.returncode == 69 and not done.stdout
    assert "built for libtorch 2." in done.stderr and "but libtorch 1.2.3 is loaded" in done.stderr
    assert not list(tmp_path.iterdir())
