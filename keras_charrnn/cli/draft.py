"""A text that a person and a model write in turns."""

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.sampling import Sampling

CONTEXT = 4096  # characters at the end of the text that the model reads, several times what its state remembers


class Draft:
    """A text, and the continuations of it that are on offer.

    Args:
        model: A `CharRNN`.
        text: The beginning.
        length: New characters of a continuation.
        choices: Continuations to offer at a time.
        seed: Of the first continuation, the next one has the next seed; None for other texts each time.
        settings: Those of `sampling.Sampling`.

    Attributes:
        offers: The continuations to choose from; those who go on without a choice take the only one.
        settings: All of them by name; set them with `change`.

    Raises:
        VocabularyError: If the text has a character that the model does not know.
        SettingsError: If a setting is out of its range.
    """

    def __init__(self, model, text="", length=200, choices=1, seed=None, **settings):
        self._model, self._seed = model, seed
        self._steps = []  # what was added, by either, in order
        self.offers = []
        self.settings = {}
        self.change(length=length, choices=choices, **settings)
        self.add(text)

    @property
    def vocabulary(self):
        """That of the model."""
        return self._model.vocabulary

    @property
    def text(self):
        """All that was taken, and the only continuation on offer."""
        return "".join(self._steps) + (self.offers[0] if len(self.offers) == 1 else "")

    def change(self, **settings):
        """Change settings by name: length, choices, and those of `sampling.Sampling`."""
        settings = {**self.settings, **settings}
        for name in ("length", "choices"):
            if settings[name] < 1:
                raise SettingsError(f"{name} must be a whole number of 1 or more; received {settings[name]}")
        Sampling(**{name: value for name, value in settings.items() if name not in ("length", "choices")})
        self.settings = settings

    def add(self, text):
        """Take the continuation on offer, and put a text behind it."""
        self.vocabulary.encode(text, "the text")
        if self.offers:
            self.accept()
        if text:
            self._steps.append(text)

    def offer(self):
        """Yield the pieces of a continuation as they are made, which is then on offer; of several, each at once."""
        text = "".join(self._steps)[-CONTEXT:]
        choices, settings = self.settings["choices"], {**self.settings, "seed": self._next_seed()}
        del settings["choices"]
        self.offers = []
        if choices > 1:
            texts = self._model.generate(text, num_samples=choices, **settings)
            self.offers = [each[len(text) :] for each in texts]
            yield from self.offers
            return
        made = []
        try:
            pieces = self._model.stream(text, **settings)
            next(pieces)  # the text itself
            for piece in pieces:
                made.append(piece)
                yield piece
        finally:  # Ctrl-C keeps what there is
            self.offers = ["".join(made)] if made else []

    def accept(self):
        """Take the only continuation on offer."""
        if not self.offers:
            raise SettingsError("there is no continuation to take; an empty line makes one")
        if len(self.offers) > 1:
            raise SettingsError(f"pick one of the continuations first: 1 to {len(self.offers)}, or undo them")
        self._steps.append(self.offers.pop())

    def pick(self, number):
        """Take the continuation of this number, from 1."""
        if not 1 <= number <= len(self.offers):
            what = f"is none of the continuations 1 to {len(self.offers)}" if self.offers else "picks nothing on offer"
            raise SettingsError(f"{number} {what}")
        self._steps.append(self.offers[number - 1])
        self.offers = []

    def retry(self):
        """Take away the continuations on offer, to make others."""
        if not self.offers:
            raise SettingsError("there is no continuation to make again; an empty line makes one")
        self.offers = []

    def undo(self):
        """Take away the continuations on offer, or else what was added last."""
        if self.offers:
            self.offers = []
        elif self._steps:
            self._steps.pop()
        else:
            raise SettingsError("there is nothing to undo")

    def _next_seed(self):
        if self._seed is None:
            return None
        self._seed += 1
        return (self._seed - 1) % 2**32
