"""The splits of a text: shares of it, or files of their own."""

from keras_charrnn.text.encoding import encode
from keras_charrnn.text.windows import split

SPLITS = ("train", "validation", "test")


def encode_parts(text, vocabulary, shares, progress=None):
    """Return the ids of each split of a text, {"train": ids, "validation": ids, "test": ids}; some may be empty.

    Args:
        text, vocabulary, progress: As of `encoding.encode`.
        shares: Of the three, in this order. A split that the text has `apart` takes none: that is trained on.
    """
    shares = dict(zip(SPLITS, shares, strict=True))
    for name in text.apart:
        shares["train"] = round(shares["train"] + shares.pop(name), 10)
    parts = split(encode(text, vocabulary, progress), [*shares.values()])
    parts = dict(zip(shares, parts, strict=True)) | {
        name: encode(each, vocabulary) for name, each in text.apart.items()
    }
    return {name: parts[name] for name in SPLITS}
