"""What a training needs of its recipe and its text together, found out before anything is written."""

import keras

from keras_charrnn.errors import SettingsError, VocabularyError
from keras_charrnn.recipe.checks import show


def require_callbacks(callbacks):
    """Refuse what is no list of callbacks; Keras would take some of it, to fail in the midst of the training.

    Raises:
        SettingsError: If it is none, or has something else in it.
    """
    if not isinstance(callbacks, list | tuple):
        raise SettingsError(f"callbacks must be a list of Keras callbacks, not {show(callbacks)}")
    for index, each in enumerate(callbacks):
        if isinstance(each, type):
            name = each.__name__
            raise SettingsError(f"callbacks[{index}]: {name} is a class; give a callback that is made of it, {name}(…)")
        if not isinstance(each, keras.callbacks.Callback):
            raise SettingsError(f"callbacks[{index}]: must be a Keras callback, not {show(each)}")


def require_validation(plan, command):
    """Refuse a recipe without a validation split to a command that compares models by the loss on it.

    Raises:
        SettingsError: If it has none.
    """
    if not plan.validates:
        raise SettingsError(
            f"{command} goes by the validation loss, and split.validation is 0; give it a share of the text, as in "
            "--set split.validation=0.1"
        )


def note_of_prefix(prefix, vocabulary):
    """Return what to say of a samples' prefix of which the vocabulary drops or replaces characters; "" for nothing.

    Raises:
        VocabularyError: If nothing is left of it, or it has an unknown character where that is an error.
    """
    if prefix and not len(vocabulary.encode(prefix, what="samples.prefix")):
        raise VocabularyError(
            f"samples.prefix: nothing is left of {prefix!r}, since the text has none of its characters and "
            "vocabulary.unknown drops them; write characters of the text, or null"
        )
    return vocabulary.note_of(prefix, "samples.prefix")
