"""What operations of TensorFlow are in JavaScript: statements over flat typed arrays whose shapes are known."""

import dataclasses

import numpy as np

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.export.formulas import FORMULAS


@dataclasses.dataclass(frozen=True)
class Emitter:
    """One operation.

    Attributes:
        operation: The tf.Operation.
        name: Of the array for its result.
        names: Of the arrays of its inputs.
        inputs: The tensors.
        values: Of the inputs that are known, arrays; None for the others.
    """

    operation: object
    name: str
    names: list
    inputs: list
    values: list

    @property
    def shape(self):
        return tuple(self.operation.outputs[0].shape)

    def shape_of(self, place):
        return tuple(self.inputs[place].shape)

    @property
    def size(self):
        return int(np.prod(self.shape))


def _strides(shape, into):
    """Return how far to go in an array for each axis of a larger one that it is broadcast to."""
    shape = (1,) * (len(into) - len(shape)) + tuple(shape)
    own = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    return [0 if size == 1 else stride for size, stride in zip(shape, own, strict=True)]


def _place(strides):
    parts = [f"i{axis}" if stride == 1 else f"i{axis} * {stride}" for axis, stride in enumerate(strides) if stride]
    return " + ".join(parts) or "0"


def _loops(shape, statement):
    """Return a statement in loops over all axes; the variables are i0, i1, …"""
    text = statement
    for axis in reversed(range(len(shape))):
        if shape[axis] == 1:
            text = text.replace(f"i{axis} * ", "0 * ")
            text = f"{{ const i{axis} = 0; {text} }}"
        else:
            text = f"for (let i{axis} = 0; i{axis} < {shape[axis]}; i{axis}++) {{ {text} }}"
    return text


def elementwise(expression):
    """Return the emitter of a function of numbers, written with the arguments a, b and c."""

    def emit(e):
        parts = {}
        for letter, name, tensor in zip("abc", e.names, e.inputs, strict=False):
            shape = tuple(tensor.shape)
            if shape == e.shape:
                parts[letter] = f"{name}[i]"
            elif int(np.prod(shape)) == 1:
                parts[letter] = f"{name}[0]"
            else:
                parts[letter] = None
        if None not in parts.values():
            return [f"for (let i = 0; i < {e.size}; i++) {{ {_assign(e, 'i', expression, parts)} }}"]
        for letter, name, tensor in zip("abc", e.names, e.inputs, strict=False):
            parts[letter] = f"{name}[{_place(_strides(tuple(tensor.shape), e.shape))}]"
        return [_loops(e.shape, _assign(e, _place(_strides(e.shape, e.shape)), expression, parts))]

    return emit


def _assign(e, place, expression, parts):
    given = ", ".join(f"{letter} = {value}" for letter, value in parts.items())
    return f"const {given}; {e.name}[{place}] = {expression};"


def matmul(e):
    """(…, M, K) by (…, K, N), either of them transposed."""
    attributes = e.operation.node_def.attr
    first, second = (
        any(attributes[name].b for name in names if name in attributes)
        for names in (("transpose_a", "adj_x"), ("transpose_b", "adj_y"))
    )
    a, b = e.shape_of(0), e.shape_of(1)
    if len(a) > 2 or len(b) > 2:
        return batch_matmul(e, first, second)
    rows, depth = (a[1], a[0]) if first else a
    columns = b[0] if second else b[1]
    if rows == 1 and not second:
        return [f"matvec({e.names[0]}, {e.names[1]}, {e.name}, {depth}, {columns});"]
    left = "k * M + m" if first else "m * K + k"
    right = "n * K + k" if second else "k * N + n"
    left, right = (each.replace("M", str(rows)).replace("K", str(depth)).replace("N", str(columns))
                   for each in (left, right))  # fmt: skip
    return [
        f"for (let m = 0; m < {rows}; m++) for (let n = 0; n < {columns}; n++) {{ let x = 0; "
        f"for (let k = 0; k < {depth}; k++) x += {e.names[0]}[{left}] * {e.names[1]}[{right}]; "
        f"{e.name}[m * {columns} + n] = x; }}"
    ]


def batch_matmul(e, first, second):
    a, b, out = e.shape_of(0), e.shape_of(1), e.shape
    if first or second or len(a) != len(b):
        raise SettingsError("html: a product of many matrices, transposed, has no counterpart in JavaScript")
    batch, (rows, depth), columns = out[:-2], a[-2:], b[-1]
    number = _place([int(np.prod(batch[i + 1 :])) for i in range(len(batch))])
    one, other = (_place(_strides(each[:-2], batch)) if int(np.prod(each[:-2])) > 1 else "0" for each in (a, b))
    inner = (
        f"const p = ({one}) * {rows * depth}, q = ({other}) * {depth * columns}, r = ({number}) * {rows * columns}; "
        f"for (let m = 0; m < {rows}; m++) for (let n = 0; n < {columns}; n++) {{ let x = 0; "
        f"for (let k = 0; k < {depth}; k++) "
        f"x += {e.names[0]}[p + m * {depth} + k] * {e.names[1]}[q + k * {columns} + n]; "
        f"{e.name}[r + m * {columns} + n] = x; }}"
    )
    return [_loops(batch, inner)]


def reduction(start, step, end="x"):
    """Return the emitter of a reduction: `step` of x and the next number a, `end` of x and the count n."""

    def emit(e):
        shape = e.shape_of(0)
        axes = {int(axis) % len(shape) for axis in np.atleast_1d(e.values[1])}
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        count = int(np.prod(shape)) // max(1, int(np.prod(kept)))
        place, source = _place(_strides(kept, shape)), _place(_strides(shape, shape))
        inner = f"const a = {e.names[0]}[{source}], x = {e.name}[{place}]; {e.name}[{place}] = {step};"
        lines = [f"{e.name}.fill({start});", _loops(shape, inner)]
        if end != "x":
            lines.append(
                f"for (let i = 0; i < {e.size}; i++) {{ const x = {e.name}[i], n = {count}; {e.name}[i] = {end}; }}"
            )
        return lines

    return emit


def concat(e):
    axis = int(e.values[-1])
    pieces = list(zip(e.names[:-1], (e.shape_of(i) for i in range(len(e.names) - 1)), strict=True))
    return _joined(e, pieces, axis % len(e.shape))


def pack(e):
    axis = e.operation.get_attr("axis") % len(e.shape)
    shape = (*e.shape[:axis], 1, *e.shape[axis + 1 :])
    return _joined(e, [(name, shape) for name in e.names], axis)


def _joined(e, pieces, axis):
    outer, inner = int(np.prod(e.shape[:axis])), int(np.prod(e.shape[axis + 1 :]))
    lines, begin = [], 0
    for name, shape in pieces:
        width = shape[axis] * inner
        for row in range(outer):
            piece = name if outer == 1 else f"{name}.subarray({row * width}, {(row + 1) * width})"
            lines.append(f"{e.name}.set({piece}, {row * e.shape[axis] * inner + begin});")
        begin += width
    return lines


def gather(e):
    axis = int(e.values[2]) if len(e.values) > 2 and e.values[2] is not None else 0
    if axis or ("batch_dims" in e.operation.node_def.attr and e.operation.get_attr("batch_dims")):
        raise SettingsError("html: a gather along another axis than the first has no counterpart in JavaScript")
    width = int(np.prod(e.shape_of(0)[1:]))
    count = int(np.prod(e.shape_of(1)))
    return [
        f"for (let i = 0; i < {count}; i++) {{ const at = {e.names[1]}[i] * {width}; "
        f"{e.name}.set({e.names[0]}.subarray(at, at + {width}), i * {width}); }}"
    ]


def one_hot(e):
    depth, on, off = (e.values[i].item() for i in (1, 2, 3))
    if e.operation.get_attr("axis") != -1:
        raise SettingsError("html: a one-hot along another axis than the last has no counterpart in JavaScript")
    return [
        f"{e.name}.fill({off});",
        f"for (let i = 0; i < {e.size // depth}; i++) if ({e.names[0]}[i] >= 0 && {e.names[0]}[i] < {depth}) "
        f"{e.name}[i * {depth} + {e.names[0]}[i]] = {on};",
    ]


def add_n(e):
    total = " + ".join(f"{name}[i]" for name in e.names)
    return [f"for (let i = 0; i < {e.size}; i++) {e.name}[i] = {total};"]


def softmax(log):
    def emit(e):
        width = e.shape[-1]
        last = f"{e.name}[j] = {e.names[0]}[j] - most - Math.log(sum);" if log else f"{e.name}[j] /= sum;"
        return [
            f"for (let i = 0; i < {e.size}; i += {width}) {{ let most = -Infinity, sum = 0; "
            f"for (let j = i; j < i + {width}; j++) most = Math.max(most, {e.names[0]}[j]); "
            f"for (let j = i; j < i + {width}; j++) sum += ({e.name}[j] = Math.exp({e.names[0]}[j] - most)); "
            f"for (let j = i; j < i + {width}; j++) {last} }}"
        ]

    return emit


def fill(e):
    return [f"{e.name}.fill({e.names[1]}[0]);"]


def cumulative(start, step):
    def emit(e):
        axis = int(e.values[1]) % len(e.shape)
        if axis != len(e.shape) - 1 or e.operation.get_attr("exclusive") or e.operation.get_attr("reverse"):
            raise SettingsError("html: a cumulative sum along another axis than the last has no counterpart")
        width = e.shape[-1]
        return [
            f"for (let i = 0; i < {e.size}; i += {width}) {{ let x = {start}; "
            f"for (let j = i; j < i + {width}; j++) {{ const a = {e.names[0]}[j]; x = {step}; {e.name}[j] = x; }} }}"
        ]

    return emit


_IS_WHOLE = {"int32", "int64"}


def multiply(e):
    whole = e.operation.outputs[0].dtype.name in _IS_WHOLE
    return elementwise("Math.imul(a, b)" if whole else "a * b")(e)


def cast(e):
    kind = e.operation.outputs[0].dtype.name
    return elementwise("Math.trunc(a)" if kind in _IS_WHOLE else "a !== 0" if kind == "bool" else "a")(e)


def leaky_relu(e):
    return elementwise(f"a > 0 ? a : {e.operation.get_attr('alpha')} * a")(e)


def select(e):
    """The older one takes rows by a vector."""
    if e.operation.type == "Select" and len({len(e.shape_of(i)) for i in range(3)}) > 1:
        raise SettingsError("html: a choice of rows by a vector has no counterpart in JavaScript")
    return elementwise("a ? b : c")(e)


EMITTERS = {
    "MatMul": matmul,
    "BatchMatMulV2": matmul,
    "BatchMatMul": matmul,
    "ConcatV2": concat,
    "Pack": pack,
    "GatherV2": gather,
    "Gather": gather,
    "OneHot": one_hot,
    "AddN": add_n,
    "Fill": fill,
    "Softmax": softmax(False),
    "LogSoftmax": softmax(True),
    "Sum": reduction("0", "x + a"),
    "Mean": reduction("0", "x + a", "x / n"),
    "Max": reduction("-Infinity", "Math.max(x, a)"),
    "Min": reduction("Infinity", "Math.min(x, a)"),
    "Prod": reduction("1", "x * a"),
    "All": reduction("1", "x && a"),
    "Any": reduction("0", "x || a"),
    "Cumsum": cumulative("0", "x + a"),
    "Cumprod": cumulative("1", "x * a"),
    "Mul": multiply,
    "Cast": cast,
    "LeakyRelu": leaky_relu,
    "Select": select,
    "SelectV2": select,
    **{name: elementwise(expression) for name, expression in FORMULAS.items()},
}
