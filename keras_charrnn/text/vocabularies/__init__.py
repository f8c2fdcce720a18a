"""Vocabularies: units of text as the symbols of a model, each registered by its import."""

import inspect

from keras_charrnn import registry
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import VocabularyError
from keras_charrnn.text.vocabularies.base import DOCUMENT, LINE_END, REPLACEMENT, UnitVocabulary, register_vocabulary
from keras_charrnn.text.vocabularies.byte import ByteVocabulary
from keras_charrnn.text.vocabularies.character import Vocabulary
from keras_charrnn.text.vocabularies.pieces import PieceVocabulary
from keras_charrnn.text.vocabularies.word import WordVocabulary

__all__ = ["ByteVocabulary", "PieceVocabulary", "UnitVocabulary", "Vocabulary", "WordVocabulary", "register_vocabulary"]

CHARACTER = "character"  # the unit of a configuration that names none


def make(text, unit=CHARACTER, **arguments):
    """Return the vocabulary of a text.

    Args:
        text: A `corpora.Text`.
        unit: Name of a registered unit, or a mapping of "name" and arguments of its `from_text`.
        arguments: Further ones; those that are None or a default of a recipe are left out where it takes none such.

    Raises:
        RegistryError: If there is no such unit.
        VocabularyError: If it does not take an argument, or nothing can be made of the text.
    """
    own = dict(unit) if not isinstance(unit, str) else {"name": unit}
    name = own.pop("name")
    make_of = registry.vocabularies.get(name).from_text
    taken = inspect.signature(make_of).parameters
    defaults = {"unknown": "error", "min_count": 1, "most": None}
    arguments = {key: each for key, each in arguments.items() if key in taken or each != defaults.get(key)} | own
    names = [key for key, each in taken.items() if key != "text" and each.kind not in (each.VAR_KEYWORD,)]
    for key in arguments.keys() - set(names) if len(names) == len(taken) - 1 else ():
        accepted = f"takes {', '.join(names)}" if names else "takes no settings"
        raise VocabularyError(f"vocabulary.{key}: the unit {name} {accepted}{suggest(key, names)}; leave {key} out")
    return make_of(text, **arguments)


def config_of(vocabulary):
    """Return what makes a vocabulary again, as plain values, with its unit and the plugin that registers it."""
    config, unit = vocabulary.get_config(), vocabulary.unit
    if unit == CHARACTER:
        return config
    plugin = registry.vocabularies.plugin_of(type(vocabulary))
    package = None if plugin is None else registry.vocabularies.package_of(unit)
    return {"unit": unit, "plugin": plugin, "package": package, **config}


def from_config(config):
    """Return the vocabulary of what `config_of` returned.

    Raises:
        RegistryError: If its unit is of a plugin that is not there.
    """
    config = dict(config)
    unit = config.pop("unit", CHARACTER)
    registry.vocabularies.require(unit, config.pop("plugin", None), config.pop("package", None))
    return registry.vocabularies.get(unit)(**config)
