"""What `fit` and `evaluate` take as data."""

from keras_charrnn.errors import SettingsError
from keras_charrnn.text.windows import Windows


def dataset_of(data):
    """Return the `tf.data.Dataset` of `Windows`; anything else as it is."""
    return data.dataset if isinstance(data, Windows) else data


def shape_of(data):
    """Return the shape (B, T) of the windows of a data set.

    Raises:
        SettingsError: If it is not fixed.
    """
    shape = data.element_spec[0].shape
    if shape.rank != 2 or None in tuple(shape):
        raise SettingsError(
            f"the windows must have a fixed shape (batch, time); these have {shape}. Make them with "
            "keras_charrnn.windows, or batch with drop_remainder=True"
        )
    return tuple(shape)
