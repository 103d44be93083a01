"""A network as a list of operations, in the form that src/model/operations reads.

Value 0 is the input, (3, height, width) of each sample; the n-th operation makes value n. An operation
is a list: its name, then whole numbers, which are values, tensors or sizes as
src/model/include/model/operations.h says.
"""

import torch

FORMAT, VERSION = "bifrons.operations", 1


class Network:
    def __init__(self, channels, height, width):
        self.input = [channels, height, width]
        self.tensors, self.operations, self.outputs = [], [], []

    def tensor(self, x):
        self.tensors.append(x.to(torch.float32).contiguous().clone())
        return len(self.tensors) - 1

    def add(self, name, *numbers):
        """Appends an operation and returns the value that it makes."""
        self.operations.append([name, *(int(n) for n in numbers)])
        return len(self.operations)

    def affine(self, x, scale, offset):
        """Each channel times scale plus offset."""
        return self.add("affine", x, self.tensor(torch.as_tensor(scale)), self.tensor(torch.as_tensor(offset)))

    def conv(self, x, weight, bias, stride, pads=(0, 0, 0, 0)):
        """weight (out, in / groups, k, k); pads: top, bottom, left, right."""
        same = len(set(pads)) == 1
        if not same:
            x = self.add("pad", x, 0, *pads)
        return self.add("conv", x, self.tensor(weight), self.tensor(bias), stride, pads[0] if same else 0)

    def plain(self):
        return {"input": self.input, "operations": self.operations, "outputs": self.outputs}


def save(path, source, networks):
    tensors = {f"{name}.{i}": x for name, network in networks.items() for i, x in enumerate(network.tensors)}
    torch.save({"format": FORMAT, "format_version": VERSION, "source": source,
                "networks": {name: network.plain() for name, network in networks.items()}, **tensors}, path)
