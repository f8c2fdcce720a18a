"""CharRNN: the character-level recurrent language model.

Shapes in letters: B batch, T time, E width of the embedding, H units, L layers, V symbols.
"""

import functools

import keras
from keras import ops

from keras_charrnn import noise, registry
from keras_charrnn.errors import SettingsError
from keras_charrnn.evaluation import Scorer
from keras_charrnn.export import export
from keras_charrnn.files import write_whole
from keras_charrnn.generation import Generator
from keras_charrnn.layers import Recurrent
from keras_charrnn.layers.block import Block, make_normalization, wrap_cell
from keras_charrnn.layers.normalization import KINDS
from keras_charrnn.layers.products import PRECISIONS, project
from keras_charrnn.layers.recurrent import embed
from keras_charrnn.layers.starts import restart
from keras_charrnn.model.importing import model_from_torch
from keras_charrnn.model.saving import require_cell
from keras_charrnn.model.showing import html_of
from keras_charrnn.model.steps import Steps
from keras_charrnn.vocabulary import LINE_END, Vocabulary

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
        embedding: E, or "one_hot" for none (the first layer's input is then V wide). It starts from a normal
            distribution of standard deviation 1, as in PyTorch; H ** -0.5 where it is tied.
        dropout: Share of activations set to 0 in training after every recurrent layer and feed-forward block.
        cell_arguments: Mapping of further arguments of the cell's constructor.
        embedding_dropout: Share of the embedding's activations dropped.
        output_dropout: In place of `dropout` before the logits; None for the same.
        variational: Whether a row's mask of these three is the same for all steps of a window.
        recurrent_dropout: Rate of `cells.RecurrentDropout` in every layer.
        zoneout: Rate of `cells.Zoneout` in every layer, or a mapping from states to rates.
        weight_drop: Of every `Recurrent`.
        normalization: "none", "layer" or "rms": before every recurrent layer, feed-forward block and the logits. The
            first layer has none with one-hot inputs.
        residual: Whether the inputs of each recurrent layer are added to its outputs, where both have the same width:
            a first layer only has it where E = H.
        feed_forward: Width of a feed-forward block after every recurrent layer, always with a residual; 0 for none.
        tie_embedding: Whether the logits are products with the embedding, which must then be H wide.
        fresh_lines: Whether all states return to the initial ones before each line end is read, in training, scores
            and generation: every line is predicted from itself alone. Of a `GatedCell` alone.

    Attributes:
        fresh_lines: As above.
        scorer: Its `evaluation.Scorer`, which also scores texts in pieces.

    Raises:
        RegistryError: If no cell has that name.
        CellError: If `fresh_lines` asks for what the cell cannot do.
        SettingsError: If a size is out of its range, or there are no line ends for `fresh_lines`.
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
        embedding_dropout=0.0,
        output_dropout=None,
        variational=False,
        recurrent_dropout=0.0,
        zoneout=0.0,
        weight_drop=0.0,
        normalization="none",
        residual=False,
        feed_forward=0,
        tie_embedding=False,
        fresh_lines=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.optimizer = None
        _require("layers", "a whole number of 1 or more", layers, isinstance(layers, int) and layers >= 1)
        is_width = isinstance(embedding, int) and not isinstance(embedding, bool) and embedding >= 1
        _require("embedding", "a whole number of 1 or more, or 'one_hot'", embedding, embedding == ONE_HOT or is_width)
        rates = {
            "dropout": dropout,
            "embedding_dropout": embedding_dropout,
            "output_dropout": 0 if output_dropout is None else output_dropout,
            "weight_drop": weight_drop,
        }
        for name, rate in rates.items():
            _require(name, "at least 0 and below 1", rate, 0 <= rate < 1)
        kinds = ("none", *KINDS)
        _require("normalization", ", ".join(kinds), normalization, normalization in kinds)
        one_hot, tied = embedding == ONE_HOT, embedding == units or not tie_embedding
        _require("embedding_dropout", "0 with one-hot inputs", embedding_dropout, not (one_hot and embedding_dropout))
        _require("embedding", f"as wide as units ({units}) to be tied", embedding, tied)
        if fresh_lines and LINE_END not in vocabulary:
            raise SettingsError("fresh_lines (states.reset: line) needs a text with line ends; this one has none")
        self.vocabulary = vocabulary
        self.fresh_lines = fresh_lines
        self._line_end = vocabulary.symbols.index(LINE_END) if fresh_lines else None
        self._settings = {
            "cell": cell,
            "units": units,
            "layers": layers,
            "embedding": embedding,
            "dropout": dropout,
            "cell_arguments": dict(cell_arguments or {}),
            "embedding_dropout": embedding_dropout,
            "output_dropout": output_dropout,
            "variational": variational,
            "recurrent_dropout": recurrent_dropout,
            "zoneout": zoneout,
            "weight_drop": weight_drop,
            "normalization": normalization,
            "residual": residual,
            "feed_forward": feed_forward,
            "tie_embedding": tie_embedding,
            "fresh_lines": fresh_lines,
        }
        self.embedding_dropout, self.variational = embedding_dropout, variational
        self.output_dropout = dropout if output_dropout is None else output_dropout
        symbols = len(vocabulary)
        # Keras's own start, within 0.05 of 0, leaves the first layer's inputs so small that it learns late.
        spread = units**-0.5 if tie_embedding else 1.0  # tied, it also makes the logits, of H products each
        start = keras.initializers.RandomNormal(stddev=spread)
        self.embedding = None if one_hot else keras.layers.Embedding(symbols, embedding, start, name="embedding")
        self._precision = "float32"
        width = symbols if one_hot else embedding
        if self.embedding is not None:
            self.embedding.build((1, 1))
        self.blocks = []
        for i in range(layers):
            made = wrap_cell(registry.cells.get(cell)(units, **(cell_arguments or {})), zoneout, recurrent_dropout)
            is_symbols = one_hot and i == 0
            block = Block(
                Recurrent(made, stateful=True, weight_drop=weight_drop, name=f"recurrent_{i}"),
                "none" if is_symbols else normalization,
                residual and width == units and not is_symbols,
                feed_forward,
                dropout,
                0.0 if i == layers - 1 else dropout,  # there output_dropout follows
                variational,
                name=f"block_{i}",
            )
            if fresh_lines:
                block.recurrent.require_restarts()
            block.build((1, 1, width))
            self.blocks.append(block)
            width = units
        self.norm = make_normalization(normalization, "norm")
        if self.norm is not None:
            self.norm.build((1, width))
        self.head = None if tie_embedding else keras.layers.Dense(symbols, name="head")
        if tie_embedding:
            self.output_bias = self.add_weight(shape=(symbols,), initializer="zeros", name="output_bias")
        else:
            self.head.build((1, width))
        self.built = True
        self._generator, self.scorer = Generator(self), Scorer(self)

    @property
    def recurrent(self):
        """The L `Recurrent` layers."""
        return [block.recurrent for block in self.blocks]

    @property
    def head_weights(self):
        """Kernel (H, V) and bias (V,) of the logits."""
        if self.head is None:
            return ops.transpose(self.embedding.embeddings), self.output_bias
        return self.head.kernel, self.head.bias

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
        logits = project(hidden, *self.head_weights, self.precision)
        return ops.reshape(logits, (*ops.shape(ids), len(self.vocabulary))), states

    def run_recurrent(self, ids, states, training=False, seed=None):
        """Run all but the head: ids (T, B) to the last layer's outputs (T*B, H), in the precision, and new states."""
        embedding = self._embeddings
        noisy, count = training and seed is not None, len(self.blocks)
        hidden, new_states = None, []
        marks = None if self._line_end is None else ops.equal(ids, self._line_end)
        if noisy and self.embedding_dropout:
            hidden = self._drop(ops.take(embedding, ids, axis=0), self.embedding_dropout, noise.fold_in(seed, count))
        for index, (block, before) in enumerate(zip(self.blocks, states, strict=True)):
            block_seed = noise.fold_in(seed, index) if noisy else None
            options = {"training": training, "seed": block_seed, "precision": self.precision, "marks": marks}
            if hidden is None:
                hidden, after = block.run_symbols(ids, embedding, before, **options)
            else:
                hidden, after = block.run(hidden, before, **options)
            new_states.append(after)
        if self.norm is not None:
            hidden = self.norm(hidden)
        if noisy and self.output_dropout:
            hidden = self._drop(hidden, self.output_dropout, noise.fold_in(seed, count + 1))
        return ops.reshape(hidden, (-1, hidden.shape[-1])), new_states

    def _drop(self, x, rate, seed):
        return noise.dropout(x, rate, seed, self.variational)

    def table(self, rows):
        """Return the first layer's input products of all symbols, (V, G*H), with which `step` reads fewer weights.

        None where to make them would not pay for so many rows (steps times B), or the cell is no `GatedCell`.
        """
        if len(self.vocabulary) > rows:
            return None
        return self.blocks[0].table(self._embeddings)

    def step(self, ids, states, table=None):
        """Make one step: ids (B,) and states -> logits (B, V) and new states, in plain float32 operations.

        Args:
            table: What `table` returned, where it serves several steps.
        """
        hidden, new_states = self._embed(ids), []
        zx = None if table is None else ops.take(table, ids, axis=0)
        for block, before in zip(self.blocks, self._restart(ids, states), strict=True):
            hidden, after = block.step(hidden, before, zx)
            new_states.append(after)
            zx = None
        kernel, bias = self.head_weights
        return ops.matmul(hidden if self.norm is None else self.norm(hidden), kernel) + bias, new_states

    def read(self, ids, states):
        """Return the states after a window of ids (T, B), the inputs of all its steps multiplied at once.

        For code that XLA compiles as a whole; in plain float32 operations, as `step`.
        """
        hidden, new_states = self._embed(ids), []
        marks = None if self._line_end is None else ops.equal(ids, self._line_end)
        for block, before in zip(self.blocks, states, strict=True):
            hidden, after = block.read(hidden, before, marks)
            new_states.append(after)
        return new_states

    @property
    def _embeddings(self):
        """The weights (V, D), or None with one-hot inputs."""
        return None if self.embedding is None else self.embedding.embeddings

    def _embed(self, ids):
        return embed(ids, self._embeddings, len(self.vocabulary))

    def _restart(self, ids, states):
        """Return the states before a step, initial ones where `fresh_lines` asks for them."""
        if self._line_end is None:
            return states
        mark = ops.equal(ids, self._line_end)[:, None]
        initial = self.initial_states(ops.shape(ids)[0])
        return [restart(mark, *layer) for layer in zip(initial, states, strict=True)]

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

    def _repr_html_(self):
        """Return what a notebook shows: a table of layers, shapes and parameters."""
        return html_of(self)

    def export(self, filepath, format="saved_model"):
        """Write the single step, or the weights, for another program; see `export.export`."""
        return export(self, filepath, format)

    @classmethod
    def from_torch(cls, weights, vocabulary, embedding=None, head=None):
        """Make a model of a PyTorch model's weights: `nn.RNN`, `nn.GRU` or `nn.LSTM` between `Embedding` and `Linear`.

        Args:
            weights: A mapping such as `module.state_dict()`, or the path of a .npz or .safetensors file of one.
            vocabulary: A `Vocabulary`, or a text of the V symbols in the order of their ids.
            embedding, head: Names of these two, where they cannot be told from the shapes.

        Raises:
            SettingsError: If the weights are not those of such a model, or have another number of symbols.
            RunError, ExtraError: As `export.read_weights`.
        """
        return model_from_torch(cls, weights, vocabulary, embedding, head)

    def get_compile_config(self):
        return None  # nothing of the training goes into the file

    def get_config(self):
        name = self._settings["cell"]
        plugin = registry.plugin_of(registry.cells.get(name))
        return {
            "vocabulary": self.vocabulary.get_config(),
            **self._settings,
            "plugin": plugin,
            "package": None if plugin is None else registry.cells.package_of(name),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        require_cell(config["cell"], config.pop("plugin"), config.pop("package", None))
        return cls(Vocabulary(**config.pop("vocabulary")), **config)


def _require(name, accepted, value, holds):
    if not holds:
        raise SettingsError(f"{name} must be {accepted}; received {value!r}")
