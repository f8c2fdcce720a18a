"""The single step of a model as JavaScript: generated from what TensorFlow traces of it, so that any cell goes.

Each operation becomes a statement over typed arrays of known sizes. What depends on the weights alone is done once.

Shapes in letters: V symbols.
"""

import dataclasses
import json

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from keras_charrnn.engine.eagerly import eagerly
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.export.moves import MOVES
from keras_charrnn.model.export.operations import EMITTERS, Emitter

ARRAYS = {"float32": "Float32Array", "int32": "Int32Array", "int64": "Int32Array", "bool": "Uint8Array"}


@dataclasses.dataclass(frozen=True)
class Program:
    """A step in JavaScript.

    Attributes:
        source: Of a function of the weights, a list of Float32Array, of `make(type, size)`, which makes an array, and
            of `matvec(x, w, y, k, n)`, the product of a row and a matrix. It returns an object with `step(id, states)`;
            that returns the logits and puts the new states into `states`, an array of Float32Array.
        bytes: Of all arrays that it makes, at 16 to begin with.
        initial: The initial states, arrays.
        weights: The weights in the order of the function's list.
    """

    source: str
    bytes: int
    initial: list
    weights: list


def to_javascript(model):
    """Return the `Program` of a model's step.

    Args:
        model: A `CharRNN`.

    Raises:
        SettingsError: If an operation of it has no counterpart.
    """
    states = model.initial_states(1)
    flat = [np.asarray(each)[0] for each in keras.tree.flatten(states)]
    weights = list(model.weights)
    with eagerly(True):
        model.step(tf.zeros((1,), tf.int32), states)  # a user's cell is tried out now, with numbers

    def step(ids, states, values):
        # Functions within are traced in place, those that XLA would compile too.
        with eagerly(True), keras.StatelessScope(state_mapping=list(zip(weights, values, strict=True))):
            logits, after = model.step(ids, keras.tree.pack_sequence_as(model.initial_states(1), states))
        return [logits, *keras.tree.flatten(after)]

    signature = [
        tf.TensorSpec((1,), tf.int32),
        [tf.TensorSpec((1, *each.shape), each.dtype) for each in flat],
        [tf.TensorSpec(each.shape, each.dtype) for each in weights],
    ]
    concrete = tf.function(step, autograph=False).get_concrete_function(*signature)
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)  # which also inlines all functions
    writer = _Writer(len(flat))
    return Program(*writer.write(frozen.inputs, frozen.outputs), flat, [np.asarray(each) for each in weights])


class _Writer:
    """Writes the statements of a graph whose inputs are ids, states and weights, in this order."""

    def __init__(self, count):
        self._count = count
        self._names, self._kinds, self._fixed = {}, {}, {}
        self._constants, self._once, self._each, self._bytes = [], [], [], 0

    def write(self, inputs, outputs):
        inputs = [each for each in inputs if each.dtype != tf.resource]
        places = {each.op.name: place for place, each in enumerate(inputs)}
        for operation in _sorted(outputs):
            if operation.type == "Placeholder":
                self._add_input(operation.outputs[0], places[operation.name])
            else:
                self._add(operation)
        logits, *after = (self._array(each) for each in outputs)
        puts = [f"  s[{place}].set({name});" for place, name in enumerate(after)]
        lines = [
            "(W, make, matvec) => {",
            *self._constants, *self._once,
            "const input = new Int32Array(1);",
            "return {step(id, s) {",
            "  input[0] = id;",
            *("  " + line for line in self._each),
            *puts,
            f"  return {logits};",
            "}};",
            "}",
        ]  # fmt: skip
        return "\n".join(lines), self._bytes

    def _add_input(self, tensor, place):
        if place == 0:
            self._names[tensor.ref()], self._kinds[tensor.ref()] = "input", "each"
        elif place <= self._count:
            name = f"b{place - 1}"  # a copy: a new state may be written before the old one is read
            self._declare(tensor, name)
            self._each.append(f"{name}.set(s[{place - 1}]);")
            self._names[tensor.ref()], self._kinds[tensor.ref()] = name, "each"
        else:
            self._names[tensor.ref()] = f"W[{place - 1 - self._count}]"
            self._kinds[tensor.ref()] = "once"

    def _add(self, operation):
        inputs = list(operation.inputs)
        if operation.type == "IdentityN":
            self._alias(inputs, operation.outputs)
            return
        if all(self._kinds.get(each.ref()) == "fixed" for each in inputs) or operation.type == "Shape":
            for tensor in operation.outputs:
                self._kinds[tensor.ref()] = "fixed"
            return
        kind = "each" if any(self._kinds[each.ref()] == "each" for each in inputs) else "once"
        values = [self._value(each) if self._kinds[each.ref()] == "fixed" else None for each in inputs]
        names = {each.ref(): kind for each in operation.outputs}
        self._kinds |= names
        if operation.type in MOVES:
            self._move(operation, inputs, values, kind)
            return
        if operation.type not in EMITTERS:
            raise SettingsError(
                f"html: the operation {operation.type} of the model has no counterpart in JavaScript (in "
                f"{operation.name}); export to another format, or write the cell without it"
            )
        target = operation.outputs[0]
        name = self._new(target)
        emitter = Emitter(operation, name, [self._array(each) for each in inputs], inputs, values)
        self._emit(kind, EMITTERS[operation.type](emitter))

    def _alias(self, sources, tensors):
        """Let tensors be others."""
        for source, tensor in zip(sources, tensors, strict=True):
            self._kinds[tensor.ref()] = self._kinds[source.ref()]
            if self._kinds[source.ref()] == "fixed":
                self._fixed[tensor.ref()] = self._value(source)
            else:
                self._names[tensor.ref()] = self._array(source)

    def _move(self, operation, inputs, values, kind):
        """What changes no number is a view, where it is of one piece, and else a copy by a table of places."""
        source, moved = MOVES[operation.type](operation, inputs, values)
        size = int(np.prod(source.shape))
        numbers = np.arange(size, dtype=np.int64).reshape(source.shape)
        for tensor, places in zip(operation.outputs, moved(numbers), strict=True):
            places = np.asarray(places).reshape(-1)
            begin = int(places[0]) if len(places) else 0
            if np.array_equal(places, np.arange(begin, begin + len(places))):
                if len(places) == size:
                    self._names[tensor.ref()] = self._array(source)
                    continue
                name = f"t{len(self._names)}"
                view = f"const {name} = {self._array(source)}.subarray({begin}, {begin + len(places)});"
                self._once.append(view)  # of an array that is always the same one
                self._names[tensor.ref()] = name
                continue
            name = self._new(tensor)
            table = self._constant(places.astype(np.int32))
            text = f"for (let i = 0; i < {len(places)}; i++) {name}[i] = {self._array(source)}[{table}[i]];"
            self._emit(kind, [text])

    def _emit(self, kind, lines):
        (self._once if kind == "once" else self._each).extend(lines)

    def _new(self, tensor):
        name = f"t{len(self._names)}"
        self._names[tensor.ref()] = name
        self._declare(tensor, name)
        return name

    def _declare(self, tensor, name):
        size = int(np.prod(tensor.shape))
        self._bytes += -(-size * 4 // 16) * 16
        # Among what is done once, so that a view of it comes after it.
        self._once.append(f"const {name} = make({_array_type(tensor.dtype.name)}, {size});")

    def _array(self, tensor):
        if self._kinds[tensor.ref()] == "fixed" and tensor.ref() not in self._names:
            self._names[tensor.ref()] = self._constant(self._value(tensor))
        return self._names[tensor.ref()]

    def _value(self, tensor):
        """Return the value of a tensor that depends on neither weights nor inputs."""
        if tensor.ref() not in self._fixed:
            if tensor.op.type == "Shape":
                value = np.array(tensor.op.inputs[0].shape, np.int32)
            else:
                feed = {each.name: self._value(each) for each in tensor.op.inputs}
                with tf.compat.v1.Session(graph=tensor.graph) as session:
                    value = session.run(tensor, feed)
            self._fixed[tensor.ref()] = value
        return self._fixed[tensor.ref()]

    def _constant(self, value):
        value = np.asarray(value)
        name = f"c{len(self._constants)}"
        kind, plain = _array_type(value.dtype.name), value.reshape(-1)
        finite = [repr(float(each)) if np.isfinite(each) else _infinite(each) for each in plain]
        numbers = finite if value.dtype.kind == "f" else json.loads(json.dumps(plain.astype(int).tolist()))
        if len(plain) > 8 and (plain == plain[0]).all():
            text = f"new {kind}({len(plain)}).fill({numbers[0]})"
        else:
            text = f"{kind}.of({', '.join(map(str, numbers))})"
        self._constants.append(f"const {name} = {text};")
        return name


def _array_type(name):
    if name not in ARRAYS:
        raise SettingsError(
            f"html: numbers of the type {name} have no counterpart in JavaScript; take float32 or int32"
        )
    return ARRAYS[name]


def _infinite(value):
    return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _sorted(outputs):
    """Return the operations on which some tensors depend, each after those on which it depends."""
    found, done = [], set()
    stack = [(each.op, False) for each in reversed(outputs)]
    while stack:
        operation, ready = stack.pop()
        if operation in done:
            continue
        if ready:
            done.add(operation)
            found.append(operation)
            continue
        stack.append((operation, True))
        stack += [(each.op, False) for each in operation.inputs if each.op not in done]
    return found
