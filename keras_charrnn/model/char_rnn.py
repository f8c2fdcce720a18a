"""CharRNN: the character-level recurrent language model.

Shapes in letters: B batch, T time, E width of the embedding, H units, L layers, V symbols.
"""

import functools

import keras
from keras import ops

from keras_charrnn import registry
from keras_charrnn.errors import RegistryError, SettingsError
from keras_charrnn.evaluation import Scorer
from keras_charrnn.files import write_whole
from keras_charrnn.generation import Generator
from keras_charrnn.layers import Recurrent, noise
from keras_charrnn.layers.products import PRECISIONS, project
from keras_charrnn.model.steps import Steps
from keras_charrnn.vocabulary import Vocabulary

ONE_HOT = "one_hot"


@keras.saving.register_keras_serializable(package="keras_charrnn")
class CharRNN(Steps, keras.Model):
    """Predicts each character of a text from all before it: embedding, L recurrent layers, logits over V symbols.

    As a Keras model it maps ids (B, T) to logits (B, T, V), from the initial states. `compile(optimizer)` and `fit` on
    windows train it with states that go on from window to window. `run` and `step` take and return states explicitly;
    `generate`, `stream` and `score` work on text.

    Args:
        vocabulary: A `Vocabulary`.
        cell: Name of a registered cell.
        units: H, the width of each recurrent layer.
        layers: L. Each layer has a cell and weights of its own.
        embedding: E, or "one_hot" for none (the first layer's input is then V wide).
        dropout: Share of each recurrent layer's outputs set to 0 in training.
        cell_arguments: Mapping of further arguments of the cell's constructor.

    Attributes:
        scorer: Its `evaluation.Scorer`, which also scores texts in pieces.

    Raises:
        RegistryError: If no cell has that name.
        SettingsError: If a size is out of its range.
    """

    def __init__(
        self,
        vocabulary,
        cell="gru",
        units=256,
        layers=1,
        embedding=64,
        dropout=0.0,
        cell_arguments=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.optimizer = None
        _require("layers", "a whole number of 1 or more", layers, isinstance(layers, int) and layers >= 1)
        is_width = isinstance(embedding, int) and not isinstance(embedding, bool) and embedding >= 1
        _require("embedding", "a whole number of 1 or more, or 'one_hot'", embedding, embedding == ONE_HOT or is_width)
        _require("dropout", "at least 0 and below 1", dropout, 0 <= dropout < 1)
        self.vocabulary = vocabulary
        self._settings = {
            "cell": cell,
            "units": units,
            "layers": layers,
            "embedding": embedding,
            "dropout": dropout,
            "cell_arguments": dict(cell_arguments or {}),
        }
        self.dropout = dropout
        symbols = len(vocabulary)
        self.embedding = None if embedding == ONE_HOT else keras.layers.Embedding(symbols, embedding, name="embedding")
        cells = [registry.cells.get(cell)(units, **(cell_arguments or {})) for _ in range(layers)]
        self.recurrent = [Recurrent(each, stateful=True, name=f"recurrent_{i}") for i, each in enumerate(cells)]
        self.head = keras.layers.Dense(symbols, name="head")
        self._precision = "float32"
        width = symbols if embedding == ONE_HOT else embedding
        if self.embedding is not None:
            self.embedding.build((1, 1))
        for layer in self.recurrent:
            layer.cell.build((1, width))
            layer.build((1, 1, width))
            width = units
        self.head.build((1, width))
        self.built = True
        self._generator, self.scorer = Generator(self), Scorer(self)

    @property
    def precision(self):
        """Of the products' operands: "float32" or "bfloat16"; sums, states and weights are float32 in both.

        "float64" is for checks: after `keras.config.set_dtype_policy("float64")` the weights of a new model are too.
        """
        return self._precision

    @precision.setter
    def precision(self, precision):
        accepted = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        _require("precision", accepted, precision, precision in PRECISIONS)
        self._precision = precision

    def initial_states(self, batch_size):
        """Return the states before the first character: a list of L lists of tensors (B, width)."""
        return [layer.initial_state(batch_size) for layer in self.recurrent]

    def run(self, ids, states, training=False, seed=None):
        """Run over a window.

        Args:
            ids: int32 (B, T).
            states: As `initial_states` or an earlier call returned them.
            training: Whether dropout and noise are on.
            seed: int32 (2,) from which they are drawn; None for none.

        Returns:
            logits (B, T, V) and the states after the window.
        """
        logits, states = self.run_time_major(ops.transpose(ids), states, training, seed)
        return ops.transpose(logits, (1, 0, 2)), states

    def run_time_major(self, ids, states, training=False, seed=None):
        """Like `run`, with ids (T, B) and logits (T, B, V)."""
        hidden, states = self.run_recurrent(ids, states, training, seed)
        logits = project(hidden, self.head.kernel, self.head.bias, self.precision)
        return ops.reshape(logits, (*ops.shape(ids), len(self.vocabulary))), states

    def run_recurrent(self, ids, states, training=False, seed=None):
        """Run all but the head: ids (T, B) to the last layer's outputs (T*B, H), in the precision, and new states."""
        embedding = None if self.embedding is None else self.embedding.embeddings
        hidden, new_states = None, []
        for index, (layer, before) in enumerate(zip(self.recurrent, states, strict=True)):
            layer_seed = None if seed is None else noise.fold_in(seed, 2 * index)
            options = {"training": training, "seed": layer_seed, "precision": self.precision}
            if index == 0:
                hidden, after = layer.run_symbols(ids, embedding, before, **options)
            else:
                hidden, after = layer.run(hidden, before, **options)
            if training and self.dropout and seed is not None:
                hidden = noise.dropout(hidden, self.dropout, noise.fold_in(seed, 2 * index + 1))
            new_states.append(after)
        return ops.reshape(hidden, (-1, hidden.shape[-1])), new_states

    def step(self, ids, states):
        """Make one step: ids (B,) and states -> logits (B, V) and new states, in plain float32 operations."""
        if self.embedding is None:
            hidden = ops.one_hot(ids, len(self.vocabulary))
        else:
            hidden = ops.take(self.embedding.embeddings, ids, axis=0)
        new_states = []
        for layer, before in zip(self.recurrent, states, strict=True):
            hidden, after = layer.cell(hidden, before, training=False)
            new_states.append(list(after))
        return ops.matmul(hidden, self.head.kernel) + self.head.bias, new_states

    def call(self, ids, training=False):
        """Map ids (B, T) to logits (B, T, V), from the initial states, without noise."""
        logits, _ = self.run(ids, self.initial_states(ops.shape(ids)[0]), training)
        return logits

    def generate(self, prefix="", length=400, num_samples=1, **settings):
        """Return the prefix and `length` new characters, a str or a list; see `generation.Generator.generate`."""
        return self._generator.generate(prefix, length, num_samples, **settings)

    def stream(self, prefix="", length=400, **settings):
        """Yield the prefix, then new characters in pieces as they are made; see `generation.Generator.stream`."""
        return self._generator.stream(prefix, length, **settings)

    def score(self, text):
        """Return how well the model predicts a text, an `evaluation.Score`; see `evaluation.Scorer.score`."""
        return self.scorer.score(text)

    def save(self, filepath, **kwargs):
        """Write weights, architecture and vocabulary to one `.keras` file, whole or not at all; see Keras's `save`.

        The optimizer's state, twice the size of the weights, is not in it.

        Raises:
            WriteError: If it cannot be written.
        """
        optimizer, self.optimizer = self.optimizer, None
        try:
            write_whole(filepath, functools.partial(super().save, **kwargs))
        finally:
            self.optimizer = optimizer

    def get_compile_config(self):
        return None  # nothing of the training goes into the file

    def get_config(self):
        cell = registry.cells.get(self._settings["cell"])
        return {
            "vocabulary": self.vocabulary.get_config(),
            **self._settings,
            "plugin": registry.plugin_of(cell),
            "package": registry.cells.package_of(self._settings["cell"]),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        plugin, package, cell = config.pop("plugin"), config.pop("package", None), config["cell"]
        if plugin is not None and cell not in registry.cells:
            where = f"the model's cell {cell!r} is registered by {plugin}"
            if package is not None:
                raise RegistryError(f"{where}, of the package {package!r}, which is not installed; install it with pip")
            raise RegistryError(
                f"{where}, which has not been imported; import it before loading the model, or name it with --plugin"
            )
        return cls(Vocabulary(**config.pop("vocabulary")), **config)


def _require(name, accepted, value, holds):
    if not holds:
        raise SettingsError(f"{name} must be {accepted}; received {value!r}")
