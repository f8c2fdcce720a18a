"""What a training needs of its recipe and its text together, found out before anything is written."""

from keras_charrnn.errors import SettingsError, VocabularyError

SHOWN = 10  # characters that a note names


def require_validation(plan, command):
    """Refuse a recipe without a validation split to a command that compares models by the loss on it.

    Raises:
        SettingsError: If it has none.
    """
    if not plan.split.validation:
        raise SettingsError(
            f"{command} goes by the validation loss, and split.validation is 0; give it a share of the text, as in "
            "--set split.validation=0.1"
        )


def note_of_prefix(prefix, vocabulary):
    """Return what to say of a samples' prefix of which the vocabulary drops or replaces characters; "" for nothing.

    Raises:
        VocabularyError: If nothing is left of it, or it has an unknown character where that is an error.
    """
    ids = vocabulary.encode(prefix, what="samples.prefix")
    missing = "".join(dict.fromkeys(each for each in prefix if each not in vocabulary))
    if not missing:
        return ""
    named = f"{missing[:SHOWN]!r}{' and others' if len(missing) > SHOWN else ''}"
    if not len(ids):
        raise VocabularyError(
            f"samples.prefix: of {prefix!r} nothing is left: the text lacks {named}, which vocabulary.unknown drops; "
            "write characters of the text, or null"
        )
    changed = "drops" if vocabulary.unknown == "drop" else "replaces by U+FFFD"
    return f"samples.prefix: the text lacks {named}, which vocabulary.unknown {changed}"
