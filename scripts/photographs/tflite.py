"""A TensorFlow Lite file (a flatbuffer) as a Network. Only what MediaPipe's face networks hold is known.

TensorFlow orders (height, width, channels), Network (channels, height, width).
"""

import struct

import torch

from operations import Network

# Of the schema of TensorFlow Lite: numbers of operators, element types, activations.
ADD, CONV, DEPTHWISE, DEQUANTIZE, MAX_POOL, RELU, RESHAPE, RESIZE, PAD, PRELU = 0, 3, 4, 6, 17, 19, 22, 23, 34, 54
DTYPES = {0: torch.float32, 1: torch.float16, 2: torch.int32}
ACTIVATIONS = {0: None, 1: "relu"}
SAME = 0


class Table:
    """A table of a flatbuffer; fields are numbered as in the schema. Absent ones have their default."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.fields = at - struct.unpack_from("<i", data, at)[0]
        self.fields_bytes = struct.unpack_from("<H", data, self.fields)[0]

    @classmethod
    def root(cls, data):
        return cls(data, struct.unpack_from("<I", data)[0])

    def place(self, field):
        at = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.fields + at)[0] if at < self.fields_bytes else 0
        return self.at + offset if offset else 0

    def follow(self, at):
        return at + struct.unpack_from("<I", self.data, at)[0]

    def number(self, field, kind="i", default=0):
        at = self.place(field)
        return struct.unpack_from("<" + kind, self.data, at)[0] if at else default

    def table(self, field):
        return Table(self.data, self.follow(self.place(field)))

    def vector(self, field):
        """(place of the first element, number of elements)"""
        at = self.place(field)
        at = self.follow(at) if at else 0
        return (at + 4, struct.unpack_from("<I", self.data, at)[0]) if at else (0, 0)

    def tables(self, field):
        at, n = self.vector(field)
        return [Table(self.data, self.follow(at + 4 * i)) for i in range(n)]

    def numbers(self, field):
        at, n = self.vector(field)
        return struct.unpack_from(f"<{n}i", self.data, at)


class Converter:
    def __init__(self, data, scale, offset):
        model = Table.root(data)
        self.data, self.graph, self.buffers = data, model.tables(2)[0], model.tables(4)
        # numbers above 127 stand in a field of their own
        self.codes = [max(code.number(0, "b"), code.number(3)) for code in model.tables(1)]
        self.tensors = self.graph.tables(0)
        self.constants, self.values = {}, {}
        (given,) = self.graph.numbers(1)
        _, height, width, channels = self.shape(given)
        self.network = Network(channels, height, width)
        self.values[given] = 0
        if (scale, offset) != (1, 0):
            self.values[given] = self.network.affine(0, [scale] * channels, [offset] * channels)

    def shape(self, i):
        return self.tensors[i].numbers(0)

    def constant(self, i):
        if i not in self.constants:
            at, n_bytes = self.buffers[self.tensors[i].number(2, "I")].vector(0)
            dtype = DTYPES[self.tensors[i].number(1, "b")]
            x = torch.frombuffer(bytearray(self.data[at:at + n_bytes]), dtype=dtype)
            self.constants[i] = x.reshape(self.shape(i))
        return self.constants[i]

    def pads(self, options, x, kernel, stride):
        """What padding "same" adds: top, bottom, left, right."""
        if options.number(0, "b") != SAME:
            return (0, 0, 0, 0)
        pads = []
        for size, k in zip(self.shape(x)[1:3], kernel):
            missing = max((-(-size // stride) - 1) * stride + k - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return tuple(pads)

    def stride(self, options):
        assert options.number(1) == options.number(2), "strides differ"
        return options.number(1)

    def activate(self, value, activation):
        name = ACTIVATIONS[activation]
        return self.network.add(name, value) if name else value

    def convolve(self, options, x, weight, bias, depthwise):
        kernel = self.shape(weight)[1:3]
        assert kernel[0] == kernel[1], "the kernel is no square"
        stride = self.stride(options)
        # weights are (out, k, k, in), or (1, k, k, channels)
        order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        value = self.network.conv(self.values[x], self.constant(weight).permute(order), self.constant(bias), stride,
                                  self.pads(options, x, kernel, stride))
        return self.activate(value, options.number(4 if depthwise else 3, "b"))

    def pool(self, options, x):
        size = options.number(3)
        assert size == options.number(4) and not any(self.pads(options, x, (size, size), self.stride(options)))
        return self.network.add("max_pool", self.values[x], size, self.stride(options))

    def pad(self, x, amounts):
        batch, *pads, channels = self.constant(amounts).tolist()
        assert batch == [0, 0] and channels[0] == 0
        return self.network.add("pad", self.values[x], channels[1], *pads[0], *pads[1])

    def resize(self, options, x, size):
        height, width = self.constant(size).tolist()
        align, half_pixels = bool(options.number(2, "b")), bool(options.number(3, "b"))
        assert align != half_pixels, "neither of the two known ways to place samples"
        return self.network.add("resize", self.values[x], height, width, align)

    def operator(self, operator):
        code, (*inputs,) = self.codes[operator.number(0, "I")], operator.numbers(1)
        (made,), x = operator.numbers(2), inputs[0]
        if code == DEQUANTIZE:
            self.constants[made] = self.constant(x).to(torch.float32)
            return
        if code in (CONV, DEPTHWISE):
            value = self.convolve(operator.table(4), *inputs, code == DEPTHWISE)
        elif code == PRELU:
            value = self.network.add("prelu", self.values[x], self.network.tensor(self.constant(inputs[1]).flatten()))
        elif code == RELU:
            value = self.network.add("relu", self.values[x])
        elif code == ADD:
            value = self.network.add("add", self.values[x], self.values[inputs[1]])
            value = self.activate(value, operator.table(4).number(0, "b"))
        elif code == MAX_POOL:
            value = self.pool(operator.table(4), x)
        elif code == PAD:
            value = self.pad(*inputs)
        elif code == RESIZE:
            value = self.resize(operator.table(4), *inputs)
        elif code == RESHAPE:  # outputs are read with channels innermost, as they are here
            assert made in self.graph.numbers(2), "reshape is known at the end only"
            value = self.values[x]
        else:
            raise SystemExit(f"operator {code} of TensorFlow Lite is not known here")
        self.values[made] = value


def read(data, scale=1, offset=0):
    """The network, for pictures in [0, 1], which become scale * picture + offset first."""
    converter = Converter(data, scale, offset)
    for operator in converter.graph.tables(3):
        converter.operator(operator)
    converter.network.outputs = [converter.values[i] for i in converter.graph.numbers(2)]
    return converter.network
