"""Steps of the optimizer against PyTorch's, in fp64: AdamW, clipping by norm, the average."""

import os
import pathlib
import subprocess

import numpy
import pytest

torch = pytest.importorskip("torch")

PROGRAM = pathlib.Path(os.environ.get("BIFRONS", "build/dev/bifrons")).parent
N, STEPS, LR = 20_011, 12, 1e-2


def ours(folder, start, gradients, *numbers):
    start.numpy().tofile(folder / "start.bin")
    gradients.numpy().tofile(folder / "gradients.bin")
    words = [PROGRAM / "tests/driver_optimizer", folder, STEPS, LR, *numbers]
    subprocess.run(list(map(str, words)), check=True, timeout=60)
    return [torch.from_numpy(numpy.fromfile(folder / name))
            for name in ("parameters.bin", "average.bin", "norms.bin")]


@pytest.mark.parametrize("weight_decay, clip, ema", [(0, 0, 0.9), (0.1, 0, 0.5), (0.05, 30, 0.99)])
def test_steps_are_pytorchs(tmp_path, weight_decay, clip, ema):
    random = torch.Generator().manual_seed(1)
    start = torch.randn(N, dtype=torch.float64, generator=random)
    sizes = torch.logspace(-3, 0, STEPS, dtype=torch.float64).unsqueeze(1)
    gradients = sizes * torch.randn(STEPS, N, dtype=torch.float64, generator=random)
    parameter, average = torch.nn.Parameter(start.clone()), start.clone()
    adam = torch.optim.AdamW([parameter], lr=LR, weight_decay=weight_decay)
    clipped = 0
    for gradient in gradients:
        parameter.grad = gradient.clone()
        if clip:
            clipped += torch.nn.utils.clip_grad_norm_(parameter, clip).item() > clip
        adam.step()
        average = ema * average + (1 - ema) * parameter.detach()
    assert 0 < clipped < STEPS or not clip
    got, got_average, norms = ours(tmp_path, start, gradients, weight_decay, clip, ema)
    for mine, theirs in ((got, parameter.detach()), (got_average, average),
                         (norms, gradients.norm(dim=1))):
        assert (mine - theirs).norm() / theirs.norm() < 1e-12
