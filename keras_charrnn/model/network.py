"""The network of a `CharRNN`: how it is built, and how it is run.

Shapes in letters: B batch, T time, D width of the first layer's input, H units, L layers, G gates, V symbols.
"""

import math

import keras
from keras import ops

from keras_charrnn import registry
from keras_charrnn.common.keras_settings import require_float32
from keras_charrnn.engine import noise
from keras_charrnn.engine.products import PRECISIONS, project
from keras_charrnn.errors import CharRNNError, SettingsError
from keras_charrnn.layers import Recurrent
from keras_charrnn.layers.block import Block, make_normalization, wrap_cell
from keras_charrnn.layers.ngrams import NGrams
from keras_charrnn.layers.symbols import Symbols
from keras_charrnn.model.settings import require
from keras_charrnn.text.vocabularies import DOCUMENT, LINE_END


class Network(keras.Model):
    """Embedding, L blocks around recurrent layers, and a head: ids to logits, with explicit states.

    There is one path through it, `run_recurrent`. `run` and `run_time_major` take a window along it as training does,
    `read` and `step` as code does that XLA compiles as a whole.

    Args:
        vocabulary: A `Vocabulary`, or another `UnitVocabulary`.
        settings: A `Settings`.

    Attributes:
        vocabulary, settings: As above.
        blocks: The L `Block`s.
        ngrams: The `NGrams`; None for none.

    Raises:
        RegistryError: If no cell has the name.
        CellError: If `fresh_lines` asks for what the cell cannot do.
        SettingsError: If the cell refuses its arguments, there are no line ends for `fresh_lines`, the embedding cannot
            be tied, or Keras's dtype is of half precision.
    """

    def __init__(self, vocabulary, settings, **kwargs):
        super().__init__(**kwargs)
        require_float32(self.dtype_policy)
        if settings.fresh_lines and LINE_END not in vocabulary:
            raise SettingsError("fresh_lines (states.reset: line) needs a text with line ends; this one has none")
        if settings.fresh_documents and DOCUMENT not in vocabulary:
            raise SettingsError("fresh_documents (states.reset: document) needs a text with marks; this one has none")
        self.vocabulary, self.settings = vocabulary, settings
        self._mark = None if settings.fresh_at is None else vocabulary.symbols.index(settings.fresh_at)
        self._precision = "float32"
        self.embedding = None if settings.one_hot else self._make_embedding()
        self.ngrams = None
        if settings.ngrams > 1:
            self.ngrams = NGrams(len(vocabulary), settings.ngrams, settings.embedding, name="ngrams")
            self.ngrams.build((None, None))
        self.blocks, width, symbols = [], settings.first_width(len(vocabulary)), len(vocabulary)
        for index in range(settings.layers):
            self.blocks.append(self._make_block(index, width))
            width = self.blocks[-1].recurrent.width  # the units, but of a cell whose output is of another width
        self.norm = make_normalization(settings.normalization, "norm")
        if self.norm is not None:
            self.norm.build((None, None, width))
        self.head = None if settings.tie_embedding else keras.layers.Dense(symbols, name="head")
        if self.head is None:
            accepted = f"false with the cell {settings.cell}, whose outputs are {width} wide and not {settings.units}"
            require("tie_embedding", accepted, True, width == settings.units)
            self.output_bias = self.add_weight(shape=(symbols,), initializer="zeros", name="output_bias")
        else:
            self.head.build((None, None, width))
        self.built = True

    def _make_embedding(self):
        settings = self.settings
        # Keras's own start, within 0.05 of 0, leaves the first layer's inputs so small that it learns late. Tied, the
        # embedding also makes the logits, of H products each.
        spread = settings.units**-0.5 if settings.tie_embedding else 1.0
        start = keras.initializers.RandomNormal(stddev=spread)
        layer = keras.layers.Embedding(len(self.vocabulary), settings.embedding, start, name="embedding")
        layer.build((None, None))
        return layer

    def _make_block(self, index, width):
        settings = self.settings
        make, arguments = registry.cells.get(settings.cell), settings.cell_arguments
        try:
            cell = make(settings.units, **arguments)
        except CharRNNError:
            raise
        except (TypeError, ValueError) as error:
            raise SettingsError(f"the cell {settings.cell!r} refuses the arguments {arguments}: {error}") from error
        cell = wrap_cell(cell, settings.zoneout, settings.recurrent_dropout)
        is_one_hot = settings.one_hot and index == 0
        block = Block(
            Recurrent(cell, stateful=True, weight_drop=settings.weight_drop, name=f"recurrent_{index}"),
            "none" if is_one_hot else settings.normalization,
            settings.residual and not is_one_hot,
            settings.feed_forward,
            settings.dropout,
            0.0 if index == settings.layers - 1 else settings.dropout,  # there the dropout before the logits follows
            settings.variational,
            name=f"block_{index}",
        )
        if settings.fresh_at is not None:
            block.recurrent.require_restarts()
        block.build((None, None, width))
        return block

    @property
    def recurrent(self):
        """The L `Recurrent` layers."""
        return [block.recurrent for block in self.blocks]

    @property
    def state_layers(self):
        """The layers that carry states: the `NGrams`, where there are any, and the L `Recurrent`."""
        return self.recurrent if self.ngrams is None else [self.ngrams, *self.recurrent]

    @property
    def head_weights(self):
        """Kernel (H, V) and bias (V,) of the logits."""
        if self.head is None:
            return ops.transpose(self.embedding.embeddings), self.output_bias
        return self.head.kernel, self.head.bias

    @property
    def symbol_weights(self):
        """The matrices with a row or a column for each symbol: the embedding, or W of one-hot inputs, and the head."""
        return [weight for weight, _ in self.symbol_axes if len(weight.shape) > 1]

    @property
    def symbol_axes(self):
        """All weights but the tables that have a part for each symbol: a list of (weight, axis of the symbols)."""
        first = getattr(self.blocks[0].recurrent.cell, "kernel", None) if self.embedding is None else self._embeddings
        last = [(self.output_bias, 0)] if self.head is None else [(self.head.kernel, 1), (self.head.bias, 0)]
        return last if first is None else [(first, 0), *last]

    @property
    def parameters(self):
        """Number of weights, without the tables of n-grams: of these a character reads but a row each."""
        tables = () if self.ngrams is None else self.ngrams.tables
        return self.count_params() - sum(math.prod(table.shape) for table in tables)

    @property
    def tables(self):
        """The tables of n-grams, where they are to be trained; Keras's `trainable_weights` are without them."""
        return self.ngrams.tables if self.ngrams is not None and self.ngrams.trainable else []

    @property
    def fresh_lines(self):
        """Whether states return to the initial ones before each line end is read."""
        return self.settings.fresh_lines

    @property
    def fresh_at(self):
        """The symbol before which states return to the initial ones, a line end or the mark of a document; or None."""
        return self.settings.fresh_at

    @property
    def precision(self):
        """Of the products' operands: "float32" or "bfloat16"; sums, states and weights are float32 in both.

        "float64" is for checks: after `keras.config.set_dtype_policy("float64")` the weights of a new model are too.
        """
        return self._precision

    @precision.setter
    def precision(self, precision):
        accepted = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        require("precision", accepted, precision, precision in PRECISIONS)
        self._precision = precision

    def initial_states(self, batch_size):
        """Return the states before the first character: for each of `state_layers` a list of tensors (B, width)."""
        return [layer.initial_state(batch_size) for layer in self.state_layers]

    def compute_output_shape(self, input_shape):
        return (*input_shape, len(self.vocabulary))

    def call(self, ids, training=False):
        """Map ids (B, T) to logits (B, T, V), from the initial states; in training with noise, another each time."""
        if len(ids.shape) != 2:
            raise SettingsError(f"a CharRNN takes ids of the shape (rows, characters); received {tuple(ids.shape)}")
        ids = ops.cast(ids, "int32")  # an input of a Keras model is float32 where nothing else is said
        return self.run(ids, self.initial_states(ops.shape(ids)[0]), training, noise.new_seed() if training else None)[
            0
        ]

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

    def read(self, ids, states):
        """Return the states after a window of ids (T, B), in the type of the weights; for code that XLA compiles."""
        return self.run_recurrent(ids, states, inside_xla=True)[1]

    def step(self, ids, states, table=None):
        """Make one step: ids (B,) and states -> logits (B, V) and new states, in plain operations, without noise.

        Args:
            table: What `table` returned, where it serves several steps.
        """
        hidden, states = self.run_recurrent(ids[None], states, table=table, inside_xla=True)
        return project(hidden, *self.head_weights, self.variable_dtype), states

    def table(self, rows):
        """Return the first layer's input products of all symbols, (V, G*H), with which `step` reads fewer weights.

        None where to make them would not pay for so many rows (steps times B), the cell is no `GatedCell`, or there are
        n-grams, which have too many.
        """
        if len(self.vocabulary) > rows or self.ngrams is not None:
            return None
        return self.blocks[0].table(self._embeddings)

    def run_recurrent(self, ids, states, training=False, seed=None, table=None, inside_xla=False):
        """Run all but the head.

        Args:
            ids: int32 (T, B).
            states, training, seed: As in `run`.
            table: As in `step`.
            inside_xla: As in `Recurrent.run`: the precision is then that of the weights.

        Returns:
            The last layer's outputs (T*B, H), in the precision, and the new states.
        """
        hidden, seed, count = Symbols(ids, self._embeddings, table), seed if training else None, len(self.blocks)
        marks = None if self._mark is None else ops.equal(ids, self._mark)
        rate, new_states = 0.0 if seed is None else self.settings.embedding_dropout, []
        if rate or self.ngrams is not None:
            hidden = hidden.rows(len(self.vocabulary))
        if self.ngrams is not None:
            added, after = self.ngrams.run(ids, states[0], marks)
            hidden, states = hidden + added, states[1:]
            new_states.append(after)
        if rate:
            hidden = self._drop(hidden, rate, noise.fold_in(seed, count))
        how = {
            "training": training,
            "precision": self.variable_dtype if inside_xla else self.precision,
            "marks": marks,
            "inside_xla": inside_xla,
        }
        for index, (block, before) in enumerate(zip(self.blocks, states, strict=True)):
            block_seed = None if seed is None else noise.fold_in(seed, index)
            hidden, after = block.run(hidden, before, seed=block_seed, **how)
            new_states.append(after)
        if self.norm is not None:
            hidden = self.norm(hidden)
        if seed is not None and self.settings.last_dropout:
            hidden = self._drop(hidden, self.settings.last_dropout, noise.fold_in(seed, count + 1))
        return ops.reshape(hidden, (-1, hidden.shape[-1])), new_states

    def _drop(self, x, rate, seed):
        return noise.dropout(x, rate, seed, self.settings.variational)

    @property
    def _embeddings(self):
        """The weights (V, D), or None with one-hot inputs."""
        return None if self.embedding is None else self.embedding.embeddings
