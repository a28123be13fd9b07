# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates an ONNX file before onnxruntime loads it, and refuses what a photo encoder does not need.

A pack may come from anybody. ONNX carries no code, but it carries loops (250 bytes suffice for 2**60 rounds),
files to read beside it (a model loaded from bytes resolves them against the current directory), operators of
other libraries and tensors that unfold. onnxruntime tells of some of this only by doing it, and asking it through a
session would need the very step that is to be guarded. The ``onnx`` package would do, but is 20 MB for a walk over a
dozen fields. So the protobuf wire format is read here directly; numbers of fields are those of ``onnx.proto`` (IR 10).

How it reads: every occurrence of a field is looked at (protobuf merges repeated messages, so that looking at
the first alone could be fooled), a field of an unexpected wire type is passed over (protobuf treats it as unknown),
unknown fields are passed over, and groups are refused. The bytes that were walked are the bytes that are hashed and
run: ``ModelPack.read_model``.

What stays open: how much memory the arithmetic takes (an outer product of two vectors can be huge).
``ml.pack_smoke_test`` bounds that by running an unknown pack in a child process first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.translatable import Message

#: Operators of feed-forward networks as exporters write them. Left out on purpose: control flow (Loop, If, Scan,
#: SequenceMap), whatever makes big tensors of small ones by a number (ConstantOfShape, Tile, Range, Resize, OneHot,
#: EyeLike), and chance (Random…, Multinomial, Bernoulli), which would make vectors incomparable.
OPERATORS = frozenset(
    {
        "Abs", "Add", "And", "ArgMax", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat",
        "Constant", "Conv", "ConvInteger", "CumSum", "DepthToSpace", "DequantizeLinear", "Div", "Dropout",
        "DynamicQuantizeLinear", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
        "GatherElements", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
        "GroupNormalization", "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "LayerNormalization",
        "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "LpNormalization", "LRN", "MatMul", "MatMulInteger",
        "Max", "MaxPool", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "Pad", "Pow", "PRelu", "QLinearConv",
        "QLinearMatMul", "QuantizeLinear", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin",
        "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Selu", "Shape", "Sigmoid", "Sign", "Slice", "Softmax",
        "Softplus", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze", "Where",
    }
)  # fmt: skip
OPSETS = range(17, 21)
#: A file with more fields than this is not walked to its end: a 25 MB network has some ten thousand.
MOST_FIELDS = 500_000
_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
ELEMENT_TYPES = {1: "float32", 2: "uint8", 7: "int64"}


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """A model's declaration of an input or output: its type and shape, None for an open dimension."""

    dtype: str
    shape: tuple[int | None, ...]


@dataclass(slots=True)
class ModelFacts:
    """Facts collected from a model."""

    inputs: dict[str, TensorFacts] = field(default_factory=dict)
    outputs: dict[str, TensorFacts] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)


def inspect_model(data: bytes, name: str) -> ModelFacts:
    """Walk over a model and return its inputs and outputs.

    Args:
        data: the file's bytes.
        name: the file's name, for the error.

    Raises:
        PackError: the file is no ONNX model, or holds something that is not allowed in a pack.
    """
    walk = _Walk(name)
    try:
        walk.model(memoryview(data))
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise PackError(
            Message("{file} is damaged or not an ONNX model.", file=name), code="pack.model-damaged"
        ) from error
    return walk.facts()


class _Walk:
    """One walk over one model."""

    def __init__(self, name: str) -> None:
        self._name, self._fields_left = name, MOST_FIELDS
        self._inputs: dict[str, TensorFacts] = {}
        self._outputs: dict[str, TensorFacts] = {}
        self._operators: set[str] = set()
        self._initialisers: set[str] = set()
        self._opset = 0
        self._graphs = 0

    def facts(self) -> ModelFacts:
        """Return the result, after what only the whole can tell."""
        if not self._graphs or not self._operators:
            raise PackError(
                Message("{file} is damaged or not an ONNX model.", file=self._name), code="pack.model-damaged"
            )
        if self._opset not in OPSETS:
            raise self._refuse(
                Message("it uses ONNX operator version {version} instead of 17 to 20", version=self._opset)
            )
        inputs = {name: facts for name, facts in self._inputs.items() if name not in self._initialisers}
        return ModelFacts(inputs, self._outputs, self._operators)

    def model(self, view: memoryview) -> None:
        """Walk over a ModelProto."""
        for number, kind, value in self._fields(view):
            if number == 7 and kind == _BYTES:
                self._graphs += 1
                self._graph(_view(value))
            elif number == 8 and kind == _BYTES:
                self._opset_import(_view(value))
            elif number == 20:
                raise self._refuse(Message("it contains training steps"))
            elif number == 25:
                raise self._refuse(Message("it defines its own functions"))

    def _opset_import(self, view: memoryview) -> None:
        domain, version = "", 0
        for number, kind, value in self._fields(view):
            if number == 1 and kind == _BYTES:
                domain = _text(value)
            elif number == 2 and kind == _VARINT:
                version = _int(value)
        if domain in _STANDARD_DOMAINS:
            self._opset = version

    def _graph(self, view: memoryview) -> None:
        for number, kind, value in self._fields(view):
            if number == 15:
                raise self._refuse(Message("it contains sparse tensors"))
            if kind != _BYTES:
                continue
            if number == 1:
                self._node(_view(value))
            elif number == 5:
                self._initialisers.add(self._tensor(_view(value)))
            elif number in (11, 12):
                name, facts = self._value_info(_view(value))
                (self._inputs if number == 11 else self._outputs)[name] = facts

    def _node(self, view: memoryview) -> None:
        operator, domain = "", ""
        for number, kind, value in self._fields(view):
            if kind != _BYTES:
                continue
            if number == 4:
                operator = _text(value)
            elif number == 7:
                domain = _text(value)
            elif number == 5:
                self._attribute(_view(value))
        if domain not in _STANDARD_DOMAINS:
            raise self._refuse(Message("it needs operators of the library “{name}”", name=domain[:40]))
        if operator not in OPERATORS:
            raise self._refuse(
                Message("it uses the operator “{name}”, which a photo encoder does not need", name=operator[:40])
            )
        self._operators.add(operator)

    def _attribute(self, view: memoryview) -> None:
        for number, kind, value in self._fields(view):
            if number in (6, 11):
                raise self._refuse(Message("it contains control flow"))
            if number in (22, 23):
                raise self._refuse(Message("it contains sparse tensors"))
            if number in (5, 10) and kind == _BYTES:
                self._tensor(_view(value))

    def _tensor(self, view: memoryview) -> str:
        """Walk over a TensorProto and return its name."""
        # The smallest elements are half a byte; a tensor that claims more of them than fit is lying.
        name, count, most = "", 1, 2 * len(view) + 1
        for number, kind, value in self._fields(view):
            if number == 1:
                for size in self._ints(kind, value):
                    # Bounded, or a long list of sizes would make a number of millions of digits.
                    count = min(count * size, most)
            elif number == 8 and kind == _BYTES:
                name = _text(value)
            elif number == 13 or (number == 14 and kind == _VARINT and value != 0):
                raise self._refuse(Message("its weights are in another file"))
        if count == most:
            raise self._refuse(Message("it declares more weights than it contains"))
        return name

    def _ints(self, kind: int, value: int | memoryview) -> list[int]:
        """Return repeated integers, which may stand one by one or packed."""
        if kind == _VARINT:
            return [_int(value)]
        if kind != _BYTES:
            return []
        view, position, found = _view(value), 0, []
        while position < len(view):
            number, position = _varint(view, position)
            found.append(number)
            self._spend()
        return found

    def _value_info(self, view: memoryview) -> tuple[str, TensorFacts]:
        name, dtype, shape = "", "", ()  # type: str, str, tuple[int | None, ...]
        for number, kind, value in self._fields(view):
            if kind != _BYTES:
                continue
            if number == 1:
                name = _text(value)
            elif number == 2:
                for type_number, type_kind, tensor in self._fields(_view(value)):
                    if type_number == 1 and type_kind == _BYTES:
                        dtype, shape = self._tensor_type(_view(tensor))
        return name, TensorFacts(dtype, shape)

    def _tensor_type(self, view: memoryview) -> tuple[str, tuple[int | None, ...]]:
        dtype, shape = "", ()  # type: str, tuple[int | None, ...]
        for number, kind, value in self._fields(view):
            if number == 1 and kind == _VARINT:
                dtype = ELEMENT_TYPES.get(_int(value), f"type {value}")
            elif number == 2 and kind == _BYTES:
                shape = tuple(
                    self._dimension(_view(dim)) for n, k, dim in self._fields(_view(value)) if n == 1 and k == _BYTES
                )
        return dtype, shape

    def _dimension(self, view: memoryview) -> int | None:
        size = None
        for number, kind, value in self._fields(view):
            if number == 1 and kind == _VARINT:
                size = _int(value)
            elif number == 2 and kind == _BYTES:
                size = None
        return size

    def _fields(self, view: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
        """Yield (field number, wire type, value) of one message; a value is an int or a view of bytes."""
        position, end = 0, len(view)
        while position < end:
            self._spend()
            tag, position = _varint(view, position)
            number, kind = tag >> 3, tag & 7
            value: int | memoryview
            if kind == _VARINT:
                value, position = _varint(view, position)
            elif kind in (_BYTES, _FIXED64, _FIXED32):
                size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
                if size < 0:
                    size, position = _varint(view, position)
                if number == 0 or position + size > end:
                    raise ValueError("a field that ends behind its message")
                value = view[position : position + size]
                position += size
            else:
                raise ValueError(f"wire type {kind}")
            yield number, kind, value

    def _spend(self) -> None:
        self._fields_left -= 1
        if self._fields_left < 0:
            raise self._refuse(Message("it has too many parts"))

    def _refuse(self, fact: Message) -> PackError:
        return PackError(
            Message("{file} is not accepted: {fact}.", file=self._name, fact=fact), code="pack.model-refused"
        )


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """Return the number at a position (up to 64 bits, low groups first) and the position behind it."""
    result = shift = 0
    while True:
        byte = view[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _view(value: int | memoryview) -> memoryview:
    assert isinstance(value, memoryview)
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_view(value)).decode("utf-8")


def _int(value: int | memoryview) -> int:
    assert isinstance(value, int)
    return value
