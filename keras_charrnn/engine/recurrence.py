"""Linear recurrences over a whole window at once, and their gradient. TensorFlow only.

What makes h_t = a_t h_{t-1} + b_t fast:

- All but the recurrence itself has no order in time. What makes the coefficients a and b is one compiled pass over the
  window, on all cores, forward and backward; only a product and a sum a step are left for a loop.
- On a CPU that loop, compiled by XLA, takes a microsecond a step and reads and writes each number once, where the
  log2(T) passes of an associative scan are bound by memory. On a GPU, where each step is a
  kernel to be launched, the associative scan is taken.
- The gradient is a linear recurrence too, backward in time.

Shapes in letters: T time, B batch, H units.
"""

import tensorflow as tf


class Recurrence:
    """The recurrence h_t = a_t h_{t-1} + b_t, whose coefficients are pointwise functions of other tensors.

    Args:
        coefficients: A function of tensors, the first of them (T, B, …), that returns a and b, both (T, B, H), float32.
            It is run again for the gradient, so that its intermediate results need no memory.
    """

    def __init__(self, coefficients):
        self._coefficients = coefficients
        self._forward = tf.function(self._run_forward, jit_compile=True, autograph=False)
        self._backward = tf.function(self._run_backward, jit_compile=True, autograph=False)

    def __call__(self, h0, *tensors, precision="float32"):
        """Run over a window.

        Args:
            h0: h before the first step, float32 (B, H).
            tensors: What `coefficients` is called with.
            precision: Of what is returned of every step; within, all is float32.

        Returns:
            h after each step (T, B, H), in the precision, and after the last one (B, H), float32.
        """

        @tf.custom_gradient
        def run(h0, *tensors):
            # Run eagerly, the loop itself would be recorded too, which it cannot be when it is compiled.
            h0, *tensors = map(tf.stop_gradient, (h0, *tensors))
            outputs, last = self._forward(h0, tensors, precision)

            def gradient(d_outputs, d_last):
                return self._backward(h0, tensors, outputs, d_outputs, d_last)

            return (outputs, last), gradient

        return run(*map(tf.convert_to_tensor, (h0, *tensors)))

    def _run_forward(self, h0, tensors, precision):
        h = solve(*self._coefficients(*tensors), h0)
        return tf.cast(h, precision), h[-1]

    def _run_backward(self, h0, tensors, outputs, d_outputs, d_last):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            a, b = self._coefficients(*tensors)
        d_outputs = tf.cast(d_outputs, h0.dtype)
        # Of the h before each step, by way of that step and all later ones.
        d_before = solve(a, a * d_outputs, d_last, reverse=True)
        d_h = d_outputs + tf.concat([d_before[1:], d_last[None]], 0)
        before = tf.concat([h0[None], tf.cast(outputs[:-1], h0.dtype)], 0)
        d_tensors = tape.gradient((a, b), tensors, (d_h * before, d_h), unconnected_gradients="zero")
        return d_before[0], *d_tensors


def linear_recurrence(a, b, h0):
    """Return every h_t = a_t h_{t-1} + b_t.

    Args:
        a, b: float32 (T, B, H), T known.
        h0: float32 (B, H), h before the first step.

    Returns:
        h after each step (T, B, H), and after the last one (B, H).
    """
    return _plain(h0, a, b)


_plain = Recurrence(lambda a, b: (a, b))


def solve(a, b, h0, reverse=False, associative=None):
    """Return every h of the recurrence (T, B, H), to be compiled; with `reverse`, from the last step to the first.

    Args:
        a, b, h0: As in `linear_recurrence`.
        reverse: Whether h0 comes after the last step, h_t = a_t h_{t+1} + b_t.
        associative: Whether to take an associative scan and not a loop; None for what is better on this machine.
    """
    if associative is None:
        associative = bool(tf.config.list_physical_devices("GPU"))
    return (_scan if associative else _loop)(a, b, h0, reverse)


def _loop(a, b, h0, reverse):
    steps, shape = a.shape[0], h0.shape
    a, b = (tf.TensorArray(h0.dtype, steps, element_shape=shape).unstack(each) for each in (a, b))

    def body(k, h, outputs):
        t = steps - 1 - k if reverse else k
        h = a.read(t) * h + b.read(t)
        return k + 1, h, outputs.write(t, h)

    outputs = tf.TensorArray(h0.dtype, steps, element_shape=shape)
    return tf.while_loop(lambda k, *_: k < steps, body, (0, h0, outputs), maximum_iterations=steps)[2].stack()


def _scan(a, b, h0, reverse):
    """Double the reach of each step's a and b until it is the whole window (Hillis and Steele)."""
    if reverse:
        return tf.reverse(_scan(tf.reverse(a, [0]), tf.reverse(b, [0]), h0, reverse=False), [0])
    reach = 1
    while reach < a.shape[0]:
        earlier_a = tf.concat([tf.ones_like(a[:reach]), a[:-reach]], 0)
        earlier_b = tf.concat([tf.zeros_like(b[:reach]), b[:-reach]], 0)
        a, b, reach = a * earlier_a, a * earlier_b + b, 2 * reach
    return a * h0 + b
