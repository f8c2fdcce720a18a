"""What must hold for the steps of a cell: shapes, states, rows, time.

Shapes in letters: B batch, T time, D width of the input, H units.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.cells import GatedCell
from keras_charrnn.engine.step import Step
from keras_charrnn.errors import CellError, EffectError, describe
from keras_charrnn.layers import Recurrent
from keras_charrnn.layers.contract import initial_states
from keras_charrnn.testing.fault import Fault, require_equal
from keras_charrnn.testing.subject import BATCH, TIME, WIDTH

HIDDEN = "the cell remembers something outside of its states (a variable or an attribute that a step changes)"


def shapes(subject):
    """A step maps inputs (B, D) and states to an output (B, H) and as many states, all float32 and of equal shapes."""
    subject.build()
    states, shapes = subject.layer.initial_state(BATCH), _shapes_of_states(subject.cell)
    cause = "state_size and get_initial_state do not agree"
    if len(states) != len(shapes):
        raise Fault(f"{len(shapes)} initial states, as state_size says", f"{len(states)}", cause)
    for index, (state, shape) in enumerate(zip(states, shapes, strict=True)):
        _require_shape(f"initial state {index}", state, shape, cause)
    output, new = subject.cell(subject.inputs[:, 0], subject.pack(states))
    new = keras.tree.flatten(new)
    width = getattr(subject.cell, "output_size", None) or subject.width
    _require_shape("the output", output, (BATCH, width), "a gate or a product of another width than the units")
    for index, (state, before) in enumerate(zip(new, states, strict=True)):
        _require_shape(f"state {index}", state, before.shape, "new states in another order, or of another width")


def _shapes_of_states(cell):
    """Return the shapes that `state_size` gives: of a state (B, width), of several, or of one with more axes."""
    states, sizes = initial_states(cell, BATCH), cell.state_size
    sizes, shapes = list(sizes) if isinstance(sizes, list | tuple) else [sizes], []
    for index, size in enumerate(sizes):
        widths = keras.tree.flatten(size)
        is_group = index < len(states) and keras.tree.is_nested(states[index])
        shapes += [(BATCH, width) for width in widths] if is_group else [(BATCH, *widths)]
    return shapes


def _require_shape(what, tensor, shape, cause):
    wanted, received = (
        f"{keras.backend.standardize_dtype(dtype)} {tuple(each)}"
        for dtype, each in (("float32", shape), (tensor.dtype, tensor.shape))
    )
    if received != wanted:
        raise Fault(f"{what} {wanted}", received, cause)


def only_states(subject):
    """In training too, a step of a `GatedCell` passes on its states and nothing else."""
    if not isinstance(subject.cell, GatedCell):
        return
    try:
        Step(subject.cell, True, "float32").require_no_effects()
    except EffectError as error:
        cause = "a layer with a state of its own, a variable that is assigned, or noise that no seed gives"
        raise Fault("a training step to keep nothing but the states", str(error), cause) from error
    except CellError:
        return  # it fails in other steps too, and the checks of those tell more


def repeatable(subject):
    """The same inputs and states give the same outputs and states, however often."""
    first, again = (subject.step_through(subject.inputs, subject.states) for _ in range(2))
    require_equal(
        again, first, "the same inputs and states to give the same outputs again", f"{HIDDEN}, or noise in inference"
    )


def compiled(subject):
    """The layer's compiled loop gives what the steps give one by one."""
    wanted = subject.step_through(subject.inputs, subject.states)
    expected = "the compiled loop to give what eager steps give"
    cause = (
        "Python code that looks at values or at the mode (an `if`, numpy, a list, print), which is run once, when the "
        "step is compiled; use keras.ops.where and tensors"
    )
    try:
        received = subject.run(subject.inputs, subject.states)
    except Exception as error:  # whatever the cell raises when it is traced
        raise Fault(expected, describe(error), cause) from error
    require_equal(received, wanted, expected, cause)


def states_carried(subject):
    """Each state has an effect on the outputs, and is changed by the steps."""
    others = subject.reach_states()
    outputs, *after = subject.run(subject.inputs, subject.states)
    for index, other in enumerate(others):
        states = list(subject.states)
        if np.array_equal(states[index], after[index]):
            raise Fault(
                f"state {index} to change over {TIME} steps", "what it was before", "the old state is returned again"
            )
        states[index] = other
        if np.abs(subject.run(subject.inputs, states)[0] - outputs).max() <= 1e-7:
            raise Fault(
                f"another state {index} before the first step to change the outputs",
                "the same outputs",
                "the new states are computed without the old one, or the state is never read",
            )


def rows(subject):
    """What one row of a batch gives does not depend on the others."""
    inputs = tf.concat([subject.inputs[:1], subject.draw(BATCH - 1, TIME, WIDTH)], 0)
    others = [tf.concat([one[:1], two[1:]], 0) for one, two in zip(subject.states, subject.reach_states(), strict=True)]
    cause = "a mean, sum, maximum or softmax over axis 0, the batch, where axis -1 was meant"
    for way, run in subject.ways.items():
        wanted, received = run(subject.inputs, subject.states), run(inputs, others)
        expected = f"row 0 to stay as it is when the other rows change{way}"
        require_equal([each[:1] for each in received], [each[:1] for each in wanted], expected, cause, 1e-6)


def causal(subject):
    """No output depends on later inputs."""
    cut = TIME // 2
    inputs = tf.concat([subject.inputs[:, :cut], subject.draw(BATCH, TIME - cut, WIDTH)], 1)
    for way, run in subject.ways.items():
        wanted, received = run(subject.inputs, subject.states)[0], run(inputs, subject.states)[0]
        require_equal(
            [received[:, :cut]],
            [wanted[:, :cut]],
            f"the first {cut} outputs to stay as they are when later inputs change{way}",
            "a sum, mean or normalisation over the whole window, or a sequence reversed or shifted the wrong way",
            1e-6,
        )


def pieces(subject):
    """A window run in pieces, the states passed on, gives what it gives as a whole."""
    cut = TIME // 2
    for way, run in subject.ways.items():
        outputs, *states = run(subject.inputs[:, :cut], subject.states)
        rest, *states = run(subject.inputs[:, cut:], states)
        require_equal(
            [tf.concat([outputs, rest], 1), *states],
            run(subject.inputs, subject.states),
            f"{cut} and {TIME - cut} steps, the states passed on, to give what {TIME} steps give{way}",
            f"the states given are not used, those returned are not the last ones, or {HIDDEN}",
        )


def stacking(subject):
    """Layers of the cell stand one upon the other, each with weights of its own."""
    layers = [Recurrent(subject.make()) for _ in range(2)]
    for layer, width in zip(layers, (WIDTH, subject.width), strict=True):
        layer.build((BATCH, TIME, width))
    shared = {id(weight) for weight in layers[0].weights} & {id(weight) for weight in layers[1].weights}
    expected, cause = "two layers, one upon the other, each with its own weights", "a weight kept by the class"
    if shared:
        raise Fault(expected, f"{len(shared)} weights in both", cause)

    with tf.GradientTape() as tape:
        tape.watch(subject.inputs)
        outputs = layers[1](layers[0](subject.inputs))
        total = tf.reduce_sum(tf.square(outputs))
    gradient = tape.gradient(total, subject.inputs)
    _require_shape("the outputs of the upper layer", outputs, (BATCH, TIME, subject.width), cause)
    if gradient is None or not np.isfinite(gradient).all() or not np.any(gradient):
        raise Fault(
            "a finite gradient through both layers to the inputs",
            "none" if gradient is None else "zeros, NaN or infinity",
            "ops.stop_gradient, a rounding, or an integer on the way from the inputs to the output",
        )


def parallel(subject):
    """The parallel form gives what the steps give: outputs, states and gradients."""
    pulls = subject.draw_pulls(TIME)
    by_steps = subject.differentiate(subject.inputs, subject.states, pulls)
    at_once = subject.differentiate(subject.inputs, subject.states, pulls, parallel=True)
    cause = "other equations, another order of the gates or another first state in `parallel` than in the step"
    require_equal(at_once[0], by_steps[0], "the parallel form to give what the steps give", cause, 1e-4)
    names = ["the inputs", *(f"state {i}" for i in range(len(subject.states)))]
    names += [weight.name for weight in subject.layer.trainable_weights]
    for name, one, other in zip(names, at_once[1], by_steps[1], strict=True):
        one, other = (tf.zeros(()) if each is None else each for each in (one, other))
        if not np.allclose(one, other, rtol=1e-3, atol=1e-4 * max(1.0, float(tf.reduce_max(tf.abs(other))))):
            difference = float(tf.reduce_max(tf.abs(one - other)))
            raise Fault(f"the same gradient of {name} from both forms", f"a difference of {difference:.2g}", cause)
