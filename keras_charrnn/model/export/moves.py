"""What of TensorFlow's operations only moves numbers: for each the tensor that it takes them from, and where to."""

import numpy as np


def _same(operation, inputs, values):
    return inputs[0], lambda x: [x]


def _split(operation, inputs, values):
    axis, count = int(values[0]), operation.get_attr("num_split")
    return inputs[1], lambda x: np.split(x, count, axis)


def _split_v(operation, inputs, values):
    sizes, axis = values[1], int(values[2])
    return inputs[0], lambda x: np.split(x, np.cumsum(sizes)[:-1], axis)


def _strided_slice(operation, inputs, values):
    begin, end, strides = (values[i].tolist() for i in (1, 2, 3))
    masks = {
        name: operation.get_attr(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    keys = []
    for place in range(len(begin)):
        bit = 1 << place
        if masks["ellipsis"] & bit:
            keys.append(Ellipsis)
        elif masks["new_axis"] & bit:
            keys.append(None)
        elif masks["shrink_axis"] & bit:
            keys.append(begin[place])
        else:
            keys.append(
                slice(
                    None if masks["begin"] & bit else begin[place],
                    None if masks["end"] & bit else end[place],
                    strides[place],
                )
            )
    return inputs[0], lambda x: [x[tuple(keys)]]


def _slice(operation, inputs, values):
    begin, size = values[1], values[2]
    keys = tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin.tolist(), size.tolist(), strict=True))
    return inputs[0], lambda x: [x[keys]]


def _transpose(operation, inputs, values):
    return inputs[0], lambda x: [np.transpose(x, values[1])]


def _tile(operation, inputs, values):
    return inputs[0], lambda x: [np.tile(x, values[1])]


def _broadcast(operation, inputs, values):
    return inputs[0], lambda x: [np.broadcast_to(x, values[1])]


def _unpack(operation, inputs, values):
    axis = operation.get_attr("axis")
    return inputs[0], lambda x: [np.take(x, i, axis) for i in range(x.shape[axis])]


def _reverse(operation, inputs, values):
    return inputs[0], lambda x: [np.flip(x, tuple(np.atleast_1d(values[1])))]


# What only moves numbers: each returns the tensor and a function of the places of its numbers.
MOVES = {
    **dict.fromkeys(
        ("Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "PreventGradient", "Snapshot", "EnsureShape",
         "CheckNumerics"),
        _same,
    ),
    "Split": _split,
    "SplitV": _split_v,
    "StridedSlice": _strided_slice,
    "Slice": _slice,
    "Transpose": _transpose,
    "Tile": _tile,
    "BroadcastTo": _broadcast,
    "Unpack": _unpack,
    "ReverseV2": _reverse,
}  # fmt: skip
