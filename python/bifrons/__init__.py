"""Bifrons in Python: load a checkpoint, swap, look, measure, train, export.

    import bifrons
    model = bifrons.load("runs/demo/checkpoints/best.pt")
    recon_a, recon_b = model(img_a, img_b)          # (N, 3, S, S) in [0, 1]
    swapped = model.swap(img_a, "a2b")              # A's pose and expression, B's face

`import bifrons` needs PyTorch only. Set needs h5py; Run and train need numpy; plots need matplotlib; the exports need
onnx or safetensors; train and command need the program bifrons.
"""

from .export import export_onnx, export_safetensors
from .files import load
from .launch import ProgramError, command, program, train
from .loss import losses
from .network import Bifrons, from_bytes, to_bytes
from .run import Run
from .sets import Set
from .show import show_pair, show_pictures, show_swaps
from .table import Summary, summary

__version__ = "0.2.0"
__all__ = ["Bifrons", "ProgramError", "Run", "Set", "Summary", "command", "export_onnx", "export_safetensors",
           "from_bytes", "load", "losses", "program", "show_pair", "show_pictures", "show_swaps", "summary", "to_bytes",
           "train"]
