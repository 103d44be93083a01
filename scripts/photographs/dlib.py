"""dlib's face embedding (dlib_face_recognition_resnet_model_v1.dat) as a Network.

The file holds the layers in their order. Each layer's parameters are one tensor: its version 2, four
sizes of which all but the first are 1, and as many 32 bit floats. A whole number is one byte that
counts its bytes, then these. The network is ResNet-29 of 150 x 150 pixels; sums of two shapes fill the
smaller one with zeros.
"""

import struct

import torch

from operations import Network

SIZE, MEAN = 150, (122.782, 117.001, 104.298)
# channels of each block, and whether it halves the resolution
BLOCKS = [(32, False)] * 3 + [(64, True)] + [(64, False)] * 3 + [(128, True)] + [(128, False)] * 2 + \
    [(256, True)] + [(256, False)] * 2 + [(256, True)]


def whole(n):
    body = n.to_bytes((n.bit_length() + 7) // 8, "little")
    return bytes([len(body)]) + body


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count, *other):
        """The next tensor of these sizes; what lies between is of other kinds."""
        sizes = [count, *other, 1, 1, 1][:4]
        head = whole(2) + b"".join(whole(n) for n in sizes)
        begin = self.data.find(head, self.at)
        n = count * (other[0] if other else 1)
        if begin < 0:
            raise SystemExit(f"a tensor of {n} numbers is missing in dlib's file")
        begin += len(head)
        self.at = begin + 4 * n
        return torch.tensor(struct.unpack_from(f"<{n}f", self.data, begin))


class Builder:
    def __init__(self, data):
        self.reader, self.network = Reader(data), Network(3, SIZE, SIZE)
        self.shape = [3, SIZE, SIZE]

    def conv(self, x, channels, kernel, stride, padding):
        """A convolution and the scale of each channel behind it, as one convolution. Sets self.shape."""
        n = channels * self.shape[0] * kernel * kernel
        both = self.reader.take(n + channels)
        scale, offset = self.reader.take(2 * channels).split(channels)
        weight = both[:n].reshape(channels, self.shape[0], kernel, kernel) * scale.reshape(-1, 1, 1, 1)
        self.shape = [channels, *((size + 2 * padding - kernel) // stride + 1 for size in self.shape[1:])]
        return self.network.conv(x, weight, both[n:] * scale + offset, stride, (padding,) * 4)

    def fill(self, x, shape, wanted):
        c, h, w = (b - a for a, b in zip(shape, wanted))
        return self.network.add("pad", x, c, 0, h, 0, w) if c or h or w else x

    def block(self, x, channels, halve):
        add, before = self.network.add, self.shape
        y = add("relu", self.conv(x, channels, 3, 2 if halve else 1, 0 if halve else 1))
        y = self.conv(y, channels, 3, 1, 1)
        if halve:
            x, before = add("mean_pool", x, 2), [before[0], before[1] // 2, before[2] // 2]
        wanted = [max(a, b) for a, b in zip(before, self.shape)]
        x, y = self.fill(x, before, wanted), self.fill(y, self.shape, wanted)
        self.shape = wanted
        return add("relu", add("add", y, x))


def read(data):
    """The network, for pictures in [0, 1]: 128 numbers."""
    b = Builder(data)
    x = b.network.affine(0, [255 / 256] * 3, [-mean / 256 for mean in MEAN])
    x = b.network.add("relu", b.conv(x, 32, 7, 2, 0))
    x = b.network.add("max_pool", x, 3, 2)
    b.shape = [b.shape[0], *((size - 3) // 2 + 1 for size in b.shape[1:])]
    for channels, halve in BLOCKS:
        x = b.block(x, channels, halve)
    x = b.network.add("mean_pool", x, b.shape[1])
    weight = b.reader.take(256, 128).reshape(256, 128).T.reshape(128, 256, 1, 1)
    b.network.outputs = [b.network.conv(x, weight, torch.zeros(128), 1)]
    return b.network
