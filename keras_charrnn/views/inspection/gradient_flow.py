"""How far back a model's gradient reaches. TensorFlow only.

Shapes in letters: B windows, D steps, L layers.
"""

import numpy as np
import tensorflow as tf

WINDOWS = 16  # B, over which the norms are averaged


def gradient_flow(model, trace, distance=64):
    """Return how strongly the loss of one character depends on the states so many steps before it.

    For characters at up to 16 places spread over the text: the norm of the gradient of the character's loss, in nats,
    by the states that each layer carries into the k-th step before it, averaged over the places. Where it has fallen to
    nothing, the model neither uses nor can learn what is farther back.

    Args:
        model: A `CharRNN`.
        trace: A `Trace` of a text that it has read.
        distance: D, the largest k; less in a short text.

    Returns:
        float32 (D, L): row k - 1 has the norms at k.
    """
    distance = min(distance, len(trace.ids) - 1)
    ends = np.unique(np.linspace(distance, len(trace.ids) - 1, WINDOWS).astype(int))
    starts = ends - distance
    ids = trace.ids[starts[:, None] + np.arange(distance + 1)]
    recorded = iter([*trace.previous, *trace.states.values()])

    def before(initial):
        """Return a state before the characters at `starts`."""
        after = np.reshape(next(recorded), (-1, *initial.shape[1:]))
        return tf.constant(np.concatenate([initial, after])[starts])

    states = tf.nest.map_structure(before, model.initial_states(1))
    # Eagerly: one pass is done before a graph of as many steps would have been made.
    return _norms(model, tf.constant(ids), states).numpy()[::-1]


def _norms(model, ids, states):
    """Return (D, L), the farthest step first: ids (B, D + 1), of which the last is to be predicted."""
    history = []
    with tf.GradientTape() as tape:
        tape.watch(states)
        for t in range(ids.shape[1] - 1):
            # What is carried on, apart from what the layer above and the head take from the same state.
            history.append(tf.nest.map_structure(tf.identity, states))
            logits, states = model.step(ids[:, t], history[-1])
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, -1], logits))
    gradients = tape.gradient(loss, history, unconnected_gradients="zero")
    count = len(model.recurrent)  # not the n-grams, before them, whose states are ids
    return tf.stack([tf.stack([_mean_norm(layer) for layer in step[-count:]]) for step in gradients])


def _mean_norm(gradients):
    """Return the mean over B of the norm of all of a layer's states together."""
    squares = [tf.reduce_sum(tf.reshape(each, (tf.shape(each)[0], -1)) ** 2, -1) for each in gradients]
    return tf.reduce_mean(tf.sqrt(tf.add_n(squares)))
