"""The compiled loop of a generation: symbols drawn by samplers, or the next step of a search.

Shapes in letters: B samples made side by side, V symbols of the vocabulary.
"""

import math

import numpy as np
import tensorflow as tf

from keras_charrnn.model.sampling.constraint import Constraint


def draw(model, samplers, scored, last, states, own, count, noise, numbers):
    """Make `count` ids, B at a time, from the last ones: ids (size of a block, B), -1 after the end of a row.

    Returns:
        The ids, the last ones, all states, and a list of nats and costs, each like the ids.
    """
    made = tf.TensorArray(tf.int32, noise.shape[0], element_shape=last.shape)
    figures = [tf.TensorArray(tf.float32, noise.shape[0], element_shape=last.shape) for _ in range(2 * scored)]
    table, ruled = model.table(noise.shape[0] * last.shape[0]), _is_ruled(samplers)

    def body(t, going, last, states, own, made, figures):
        logits, states = model.step(last, states, table)
        logits = tf.cast(logits, tf.float32)
        allowed, drawn = apply(samplers, logits, numbers, own)
        ids = tf.argmax(drawn + noise[t], -1, tf.int32)
        own = [each.update(ids, *rest) for each, *rest in zip(samplers, numbers, own, strict=True)]
        if scored:
            whole = tf.reduce_logsumexp(logits, -1)
            costs = whole - tf.reduce_logsumexp(allowed, -1) if ruled else tf.zeros_like(whole)
            nats = whole - tf.gather(logits, ids, batch_dims=1)
            figures = [array.write(t, each) for array, each in zip(figures, (nats, costs), strict=True)]
        told = ids
        if ruled:
            going = tf.reduce_max(allowed, -1) > -math.inf
            told, ids = tf.where(going, ids, -1), tf.where(going, ids, last)
        return t + 1, going, ids, states, own, made.write(t, told), figures

    def goes_on(t, going, *_):
        return (t < count) & tf.reduce_any(going) if ruled else t < count

    loop = (0, tf.ones(last.shape, bool), last, states, own, made, figures)
    _, _, last, states, own, made, figures = tf.while_loop(goes_on, body, loop)
    return made.stack(), last, states, own, [each.stack() for each in figures]


def advance(model, samplers, last, states, own, sums, numbers):
    """Make one step of a search: see `beams.search`."""
    logits, states = model.step(last, states)
    allowed, kept = apply(samplers, tf.cast(logits, tf.float32), numbers, own)
    nats = tf.where(kept > -math.inf, -tf.nn.log_softmax(tf.cast(logits, tf.float32)), math.inf)
    best, places = tf.math.top_k(-tf.reshape(sums[:, None] + nats, (-1,)), last.shape[0])
    parents, symbols = places // logits.shape[-1], places % logits.shape[-1]
    chosen = tf.gather(tf.reshape(nats, (-1,)), places)
    states, own = tf.nest.map_structure(lambda state: tf.gather(state, parents), [states, own])
    own = [each.update(symbols, *rest) for each, *rest in zip(samplers, numbers, own, strict=True)]
    over = tf.reduce_max(allowed, -1) == -math.inf
    return -best, chosen, parents, symbols, over, states, own


def apply(samplers, logits, numbers, own):
    """Return the logits that the rules for the text allow, and those by which to draw: (B, V) both."""
    allowed = logits
    for index, (sampler, *rest) in enumerate(zip(samplers, numbers, own, strict=True)):
        logits = sampler.apply(logits, *rest)
        if index == 0 and _is_ruled(samplers):
            allowed = logits
    return allowed, logits


def gumbel(shape, seed):
    """Return noise: the argmax of logits plus this noise is a draw from their softmax."""
    return _to_gumbel(tf.random.stateless_uniform(shape, seed))


def gumbel_pieces(seeds, begins, size):
    """Return of several such noises a piece each, (R, size), as if all of them had been drawn.

    Args:
        seeds: int32 (R, 2).
        begins: int64 (R,): place of the piece in the noise, flat; a multiple of 4, as many as a counter stands for.
        size: Of a piece, a scalar.
    """
    algorithm, drawn = tf.raw_ops.StatelessRandomGetAlg(), []
    # Written out for each row: quicker than a loop.
    for seed, begin in zip(tf.unstack(seeds), tf.unstack(begins), strict=True):
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
        counter += tf.cast(tf.stack([begin // 4, tf.zeros_like(begin)]), tf.uint64)
        how = {"key": key, "counter": counter, "alg": algorithm, "dtype": tf.float32}
        drawn.append(tf.raw_ops.StatelessRandomUniformV2(shape=size[None], **how))
    return _to_gumbel(tf.stack(drawn))


def _to_gumbel(uniform):
    return -tf.math.log(-tf.math.log(uniform + np.finfo(np.float32).tiny))


def _is_ruled(samplers):
    return bool(samplers) and isinstance(samplers[0], Constraint)
