"""CharRNN: the character-level recurrent language model.

Shapes in letters: B batch, T time, L layers, V symbols.
"""

import dataclasses
import functools
import inspect

import keras

from keras_charrnn import registry
from keras_charrnn.common.files import user_path, write_whole
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.evaluating import Evaluating
from keras_charrnn.model.evaluation import Scorer
from keras_charrnn.model.export import export
from keras_charrnn.model.fitting import Fitting
from keras_charrnn.model.importing import model_from_torch
from keras_charrnn.model.network import Network
from keras_charrnn.model.on_text import OnText
from keras_charrnn.model.settings import Settings
from keras_charrnn.model.showing import html_of
from keras_charrnn.text import vocabularies

_NAMES = [field.name for field in dataclasses.fields(Settings)]
_KERAS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")  # those of `keras.Model`


@keras.saving.register_keras_serializable(package="keras_charrnn")
class CharRNN(OnText, Fitting, Evaluating, Network):
    """Predicts each character of a text from all before it: embedding, L recurrent layers, logits over V symbols.

    As a Keras model it maps ids (B, T) to logits (B, T, V), from the initial states. `compile(optimizer)` and `fit` on
    windows train it with states that go on from window to window (`fitting.Fitting`). `run` and `step` take and return
    states explicitly (`network.Network`); `generate`, `stream` and `score` work on text.

    Args:
        vocabulary: A `Vocabulary`, or another of `keras_charrnn.vocabularies`.
        settings: The cell, its units and all else that the architecture depends on, by position or by name; see
            `settings.Settings`. `name`, `dtype` and `trainable` are those of `keras.Model`.

    Attributes:
        scorer: Its `evaluation.Scorer`, which also scores texts in pieces.

    Raises:
        RegistryError: If no cell has that name.
        CellError: If `fresh_lines` asks for what the cell cannot do.
        SettingsError: If there is no setting of a name, a size is out of its range, or there are no line ends for
            `fresh_lines`.
    """

    def __init__(self, vocabulary, *settings, **named):
        if not isinstance(vocabulary, vocabularies.UnitVocabulary):
            raise SettingsError(f"vocabulary must be a keras_charrnn.Vocabulary; received {type(vocabulary).__name__}")
        own = {name: value for name, value in named.items() if name in _NAMES}
        for name in named.keys() - {*_NAMES, *_KERAS}:
            raise SettingsError(f"a CharRNN has no setting {name!r}{suggest(name, _NAMES)}")
        super().__init__(vocabulary, Settings(*settings, **own), **{k: v for k, v in named.items() if k not in own})
        self.take_texts()

    @Network.precision.setter
    def precision(self, precision):
        Network.precision.fset(self, precision)
        self.functions.made.clear()  # what is compiled makes its products as before
        self.scorer = Scorer(self)

    def save(self, filepath, overwrite=True, **kwargs):
        """Write weights, architecture and vocabulary to one `.keras` file, whole or not at all; see Keras's `save`.

        The optimizer's state, twice the size of the weights, is not in it.

        Args:
            filepath: Of the file, which ends in .keras.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            SettingsError: If the name ends otherwise, or the file is there and not to be replaced.
            WriteError: If it cannot be written.
        """
        path = user_path(filepath)
        if path.suffix != ".keras":
            raise SettingsError(
                f"a CharRNN is saved to a file that ends in .keras; received {path}. model.export writes others, "
                "model.save_weights weights alone"
            )
        if not overwrite and path.exists():
            raise SettingsError(f"{path} is there already, and overwrite=False")
        optimizer, self.optimizer = self.optimizer, None
        try:
            write_whole(path, functools.partial(super().save, **kwargs))
        finally:
            self.optimizer = optimizer

    def _repr_html_(self):
        """Return what a notebook shows: a table of layers, shapes and parameters."""
        return html_of(self)

    def export(self, filepath, format="saved_model", **settings):
        """Write the single step, or the weights, for another program; see `export.export`."""
        return export(self, filepath, format, **settings)

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

    def quantize(self, *args, **kwargs):
        """Refuse what Keras would do to the embedding and the head alone.

        Raises:
            SettingsError: Always.
        """
        raise SettingsError(
            "a CharRNN is not quantized: most of its weights are the cells', which Keras does not quantize; compute in "
            'bfloat16 (model.precision = "bfloat16"), or export the step for another program (model.export)'
        )

    def get_compile_config(self):
        return None  # nothing of the training goes into the file

    def get_config(self):
        name = self.settings.cell
        plugin = registry.cells.plugin_of(registry.cells.get(name))
        return {
            "vocabulary": vocabularies.config_of(self.vocabulary),
            **vars(self.settings),
            "plugin": plugin,
            "package": None if plugin is None else registry.cells.package_of(name),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        registry.cells.require(config["cell"], config.pop("plugin"), config.pop("package", None))
        return cls(vocabularies.from_config(config.pop("vocabulary")), **config)


# What `help` and editors show: every setting with its default.
CharRNN.__signature__ = inspect.Signature(
    [
        inspect.Parameter("vocabulary", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *inspect.signature(Settings).parameters.values(),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
