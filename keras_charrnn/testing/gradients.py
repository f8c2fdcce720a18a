"""What must hold for the gradients of a cell, and for its numbers where they are large or many.

Shapes in letters: B batch, T time, D width of the input, H units, G gates.
"""

import numpy as np
import tensorflow as tf

from keras_charrnn.cells import GatedCell
from keras_charrnn.testing.fault import Fault
from keras_charrnn.testing.subject import BATCH, TIME, WIDTH

LARGE = 1000.0
LONG = 1000
STEPS = (1e-2, 3e-3, 1e-3, 3e-4)  # of the finite differences, as shares of a tensor's own size
DIRECTIONS, AGREEING = 5, 3


def every_weight(subject):
    """Every trainable weight, and in a `GatedCell` every gate, has an effect on the outputs."""
    pulls = subject.draw_pulls(TIME)
    pulls[1:] = [tf.zeros_like(pull) for pull in pulls[1:]]
    _, gradients = subject.differentiate(subject.inputs, subject.states, pulls)
    weights = subject.layer.trainable_weights
    used = {
        id(weight): np.zeros(1) if gradient is None else np.asarray(gradient)
        for weight, gradient in zip(weights, gradients[-len(weights) :], strict=True)
    }
    unused = [weight.path for weight in weights if not used[id(weight)].any()]
    if not unused and isinstance(subject.cell, GatedCell):
        unused = _unused_gates(subject.cell, used)
    if unused:
        raise Fault(
            "a gradient that is not zero for each weight",
            f"none for {', '.join(unused)}",
            "it is made and not used, lies behind ops.stop_gradient or a rounding, or is not to be trained",
        )


def _unused_gates(cell, gradients):
    """Return the gates whose blocks of the kernels have no gradient."""
    kernels = [cell.kernel, *([cell.recurrent_kernel] if cell.recurrent_product else [])]
    blocks = [np.split(gradients[id(kernel)], len(cell.gates), -1) for kernel in kernels]
    gates = zip(cell.gates, *blocks, strict=True)
    return [f"the gate {gate!r}" for gate, *parts in gates if not any(part.any() for part in parts)]


def finite_differences(subject):
    """The gradients are those of the function: of the inputs, the states and the weights, in random directions.

    Differences of fourth order. Of several steps one must agree, to 0.2% and float32's rounding: large ones suffer less
    from that, small ones from kinks, as relu has them. For the kinks' sake 3 directions of 5 are enough.
    """
    pulls = subject.draw_pulls(TIME)
    results, gradients = subject.differentiate(subject.inputs, subject.states, pulls)
    size = np.sqrt(sum(np.sum(np.square(each * pull)) for each, pull in zip(results, pulls, strict=True)))
    given = [subject.inputs, *subject.states]
    names = ["the inputs", *(f"state {i}" for i in range(len(subject.states)))]

    def total(tensors):
        results = subject.run(tensors[0], tensors[1:])
        return sum(
            np.sum(np.asarray(each, "float64") * np.asarray(pull)) for each, pull in zip(results, pulls, strict=True)
        )

    for index, (name, tensor) in enumerate(zip(names, given, strict=True)):

        def along(shift, index=index):
            return total([each + shift if i == index else each for i, each in enumerate(given)])

        _compare(subject, name, tensor, gradients[index], along, size)
    for weight, gradient in zip(subject.layer.trainable_weights, gradients[len(given) :], strict=True):
        before = tf.identity(weight.value)

        def along(shift, weight=weight, before=before):
            weight.assign(before + shift)
            value = total(given)
            weight.assign(before)
            return value

        _compare(subject, weight.path, before, gradient, along, size)


def _compare(subject, name, tensor, gradient, along, size):
    gradient = np.zeros(tensor.shape) if gradient is None else np.asarray(gradient, "float64")
    scale = max(float(tf.sqrt(tf.reduce_mean(tf.square(tensor)))), 1e-3)
    agreeing, worst = 0, (0.0, 0.0)
    for _ in range(DIRECTIONS):
        direction = scale * subject.draw(*tensor.shape)
        slope = float(np.sum(gradient * np.asarray(direction, "float64")))
        differences = []
        for step in STEPS:
            f = [along(k * step * direction) for k in (-2, -1, 1, 2)]
            differences.append((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step))
            rounding = 1e-6 * size / step
            if abs(slope - differences[-1]) <= 2e-3 * max(abs(slope), abs(differences[-1])) + rounding:
                agreeing += 1
                break
        else:
            nearest = min(differences, key=lambda each: abs(each - slope))
            worst = max(worst, (slope, nearest), key=lambda pair: abs(pair[0] - pair[1]))
        if agreeing == AGREEING:
            return
    raise Fault(
        f"the gradient of {name} to be that of finite differences, {worst[1]:.5g} in a random direction",
        f"{worst[0]:.5g}",
        "a wrong custom gradient, ops.stop_gradient, a rounding, or an integer on the way",
    )


def large_inputs(subject):
    """Inputs of size 1,000 give finite outputs, states and gradients."""
    with subject.fresh_weights():
        _require_finite(subject, LARGE * tf.sign(subject.inputs), subject.states, f"inputs of size {LARGE:,.0f}")


def many_steps(subject):
    """1,000 steps give finite outputs, states and gradients."""
    with subject.fresh_weights():
        inputs = subject.draw(BATCH, LONG, WIDTH)
        _require_finite(subject, inputs, subject.layer.initial_state(BATCH), f"{LONG:,} steps")


def _require_finite(subject, inputs, states, what):
    for parallel in (False, True) if subject.parallel else (False,):
        results, gradients = subject.differentiate(inputs, states, subject.draw_pulls(inputs.shape[1]), parallel)
        named = {"the outputs": results[0], **{f"state {i}": each for i, each in enumerate(results[1:])}}
        named |= {"the gradients": tf.concat([tf.reshape(each, (-1,)) for each in gradients if each is not None], 0)}
        for name, tensor in named.items():
            if not np.isfinite(tensor).all():
                form = " in its parallel form" if parallel else ""
                raise Fault(
                    f"finite numbers from {what}{form}",
                    f"NaN or infinity in {name}",
                    "an exponential, a division or a logarithm without bound, or a state that grows at each step; "
                    "subtract the largest exponent, use log_sigmoid or softplus, keep factors at 1 or below",
                )
