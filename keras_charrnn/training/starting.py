"""The model that a training begins from, where its recipe names one."""

import dataclasses
import hashlib
import pathlib

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import SettingsError
from keras_charrnn.model import CharRNN
from keras_charrnn.model.starting import take_over
from keras_charrnn.recipe.starting import file_of
from keras_charrnn.runs import RunFolder, load
from keras_charrnn.text import vocabularies


@dataclasses.dataclass(frozen=True)
class Beginning:
    """A model to begin from.

    Attributes:
        model: The `CharRNN`.
        path: Of its run or file.
        sha256: The checksum of its file.
        corpus: What its run says of its own text, a mapping with the checksum; None for a file.
    """

    model: CharRNN
    path: pathlib.Path
    sha256: str
    corpus: dict | None

    @classmethod
    def of(cls, plan):
        """Return what a recipe has to begin from; None for nothing.

        Raises:
            CharRNNError: If it cannot be read.
        """
        if plan.start.source is None:
            return None
        path = pathlib.Path(plan.start.source)
        return cls(load(path, plan.plugins), path, *identity(path))

    def hand_over(self, model, data, seed):
        """Give a compiled model the weights; return what to keep of it, a mapping of plain values.

        Args:
            model: The `CharRNN` of the training.
            data: Its `Data`.
            seed: Of what new symbols begin with.
        """
        take_over(model, self.model, seed)
        known, now = set(self.model.vocabulary.symbols), set(model.vocabulary.symbols)
        loss = None if data.validation is None else float(model.evaluate(data.validation, verbose=0))
        return {
            "from": str(self.path),
            "sha256": self.sha256,
            "corpus": self.corpus,
            "vocabulary": vocabularies.config_of(self.model.vocabulary),
            "symbols": {"known": len(known & now), "new": len(now - known), "left_out": len(known - now)},
            "val_loss": loss,
        }


def identity(path):
    """Return the checksum of a model's file, and what its run says of its own text, None for a file.

    Args:
        path: Of the run or the file.
    """
    with file_of(path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    folder = RunFolder(path)
    return sha256, folder.read_environment()["corpus"] if folder.environment.is_file() else None


def known_symbols(record):
    """Return the vocabulary of the model that a run began from, of what `Beginning.hand_over` returned; or None."""
    return vocabularies.from_config(record["vocabulary"]) if record else None


def hold(model, names, forever):
    """Have layers of a model be those that are held in training, while `callbacks.Freezing` has it so.

    Args:
        model: A `CharRNN`.
        names: Of its layers, or of layers in them.
        forever: Whether it is for all epochs.

    Raises:
        SettingsError: If it has no layer of a name, or none else to train.
    """
    layers = {}
    for layer in model._flatten_layers(include_self=False):
        layers.setdefault(layer.name, []).extend(layer.weights)  # those of all blocks, where each has one of the name
    layers = {name: weights for name, weights in layers.items() if weights}
    for name in names:
        if name not in layers:
            raise SettingsError(
                f"start.freeze: the model has no layer {name!r}{suggest(name, [*layers])} (layers: {', '.join(layers)})"
            )
    model.held.weights = tuple({id(weight): weight for name in names for weight in layers[name]}.values())
    if forever and {*map(id, model.trainable_weights)} <= {*map(id, model.held.weights)}:
        raise SettingsError("start.freeze: leaves nothing to train; name fewer layers, or write start.freeze_epochs")
