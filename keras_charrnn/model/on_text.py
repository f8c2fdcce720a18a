"""What a model does with texts, by a generator and a scorer of its own."""

from keras_charrnn.model.evaluation import Scorer
from keras_charrnn.model.generation import Generator


class OnText:
    """`generate`, `stream`, `samples` and `score` of whatever has a vocabulary and steps with explicit states.

    Attributes:
        scorer: Its `evaluation.Scorer`, which also scores texts in pieces.
    """

    def take_texts(self):
        """Make the generator and the scorer, which compile nothing yet."""
        self._generator, self.scorer = Generator(self), Scorer(self)

    def generate(self, prefix="", length=400, num_samples=1, **settings):
        """Return the prefix and `length` new characters, a str or a list; see `generation.Generator.generate`."""
        return self._generator.generate(prefix, length, num_samples, **settings)

    def stream(self, prefix="", length=400, **settings):
        """Yield the prefix, then new characters in pieces as they are made; see `generation.Generator.stream`."""
        return self._generator.stream(prefix, length, **settings)

    def samples(self, prefixes=("",), length=400, num_samples=1, **settings):
        """Return texts with what there is to know of them, a list; see `generation.Generator.samples`."""
        return self._generator.samples(prefixes, length, num_samples, **settings)

    def run_compiled(self, kind, *arguments):
        """Run "read" or "consume" as texts are made by: see `reading.read_prefixes`."""
        return self._generator.run(kind, *arguments)

    def score(self, text):
        """Return how well the model predicts a text, an `evaluation.Score`; see `evaluation.Scorer.score`."""
        return self.scorer.score(text)
