"""One step of each built-in cell in NumPy: (x, states, *weights) -> output, new states; weights in the cell's order."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def norm(x, epsilon=1e-5):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)


def rms_norm(x, epsilon=1e-5):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)


def simple_rnn(x, states, W, U, b):
    (h,) = states
    h = np.tanh(x @ W + b + h @ U)
    return h, [h]


def gru(x, states, W, U, b):
    (h,) = states
    (xz, xr, xg), (hz, hr, hg) = np.split(x @ W + b[0], 3, -1), np.split(h @ U + b[1], 3, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    h = z * h + (1 - z) * np.tanh(xg + r * hg)
    return h, [h]


def lstm(x, states, W, U, b):
    h, c = states
    i, f, g, o = np.split(x @ W + h @ U + b, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def peephole_lstm(x, states, W, U, b, p):
    h, c = states
    i, f, g, o = np.split(x @ W + h @ U + b, 4, -1)
    c = sigmoid(f + p[1] * c) * c + sigmoid(i + p[0] * c) * np.tanh(g)
    h = sigmoid(o + p[2] * c) * np.tanh(c)
    return h, [h, c]


def layer_norm_lstm(x, states, W, U, b, input_gain, recurrent_gain, memory_gain, memory_shift):
    h, c = states
    i, f, g, o = np.split(input_gain * norm(x @ W) + recurrent_gain * norm(h @ U) + b, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(memory_gain * norm(c) + memory_shift)
    return h, [h, c]


def rms_norm_lstm(x, states, W, U, b, recurrent_gain, memory_gain):
    h, c = states
    f, g, o = np.split(x @ W + recurrent_gain * rms_norm(h @ U) + b, 3, -1)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
    h = sigmoid(o) * np.tanh(memory_gain * rms_norm(c))
    return h, [h, c]


def mgu(x, states, W, U, b):
    (h,) = states
    (xf, xg), (hf, hg) = np.split(x @ W + b, 2, -1), np.split(h @ U, 2, -1)
    f = sigmoid(xf + hf)
    h = (1 - f) * h + f * np.tanh(xg + f * hg)
    return h, [h]


def ugrnn(x, states, W, U, b):
    (h,) = states
    z, g = np.split(x @ W + h @ U + b, 2, -1)
    h = sigmoid(z) * h + (1 - sigmoid(z)) * np.tanh(g)
    return h, [h]


def indrnn(x, states, W, b, u):
    (h,) = states
    h = np.maximum(x @ W + u * h + b, 0)
    return h, [h]


def slstm(x, states, W, U, b):
    return stabilised_slstm(x, states, W, U, b, np.log(sigmoid(np.split(x @ W + states[0] @ U + b, 4, -1)[1])))


def slstm_exponential(x, states, W, U, b):
    return stabilised_slstm(x, states, W, U, b, np.split(x @ W + states[0] @ U + b, 4, -1)[1])


def stabilised_slstm(x, states, W, U, b, log_f):
    h, c, n, m = states
    i, _, g, o = np.split(x @ W + h @ U + b, 4, -1)
    new_m = np.maximum(log_f + m, i)
    c = np.exp(log_f + m - new_m) * c + np.exp(i - new_m) * np.tanh(g)
    n = np.exp(log_f + m - new_m) * n + np.exp(i - new_m)
    h = sigmoid(o) * c / n
    return h, [h, c, n, new_m]


def multiplicative_lstm(x, states, Wm, Um, W, U, b):
    h, c = states
    return lstm(x, [(x @ Wm) * (h @ Um), c], W, U, b)


def mogrifier_lstm(x, states, *weights):
    *rounds, W, U, b = weights
    h, c = states
    for number, Q in enumerate(rounds):
        if number % 2 == 0:
            x = 2 * sigmoid(h @ Q) * x
        else:
            h = 2 * sigmoid(x @ Q) * h
    return lstm(x, [h, c], W, U, b)


def mogrifier_lstm_of_low_rank(x, states, *weights):
    *factors, W, U, b = weights
    rounds = [left @ right for left, right in zip(factors[::2], factors[1::2], strict=True)]
    return mogrifier_lstm(x, states, *rounds, W, U, b)


def rhn(x, states, W, *layers):
    (s,) = states
    for number, (U, b) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
        t, g = np.split(s @ U + b + (x @ W if number == 0 else 0), 2, -1)
        s = sigmoid(t) * np.tanh(g) + (1 - sigmoid(t)) * s
    return s, [s]


def positive(x):
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def min_gru(x, states, W, b):
    (h,) = states
    z, candidate = np.split(x @ W + b, 2, -1)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * positive(candidate)
    return h, [h]


def min_lstm(x, states, W, b):
    (h,) = states
    f, i, candidate = np.split(x @ W + b, 3, -1)
    f, i = sigmoid(f), sigmoid(i)
    h = f / (f + i) * h + i / (f + i) * positive(candidate)
    return h, [h]


def rg_lru(x, states, W, b, decay):
    (h,) = states
    r, i, u = np.split(x @ W + b, 3, -1)
    a = sigmoid(decay) ** (8 * sigmoid(r))
    h = a * h + np.sqrt(1 - a**2) * sigmoid(i) * u
    return h, [h]
