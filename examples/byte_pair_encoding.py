"""A vocabulary of one's own: pieces of words, found by byte-pair encoding, as those of large language models are.

    pip install tokenizers
    python examples/byte_pair_encoding.py

The class below is all there is to write. Its losses are per character, so that they compare with those of characters.
"""

import argparse
import json

import tokenizers
from keras_charrnn.vocabularies import WordVocabulary

import keras_charrnn


@keras_charrnn.register_vocabulary("bpe")
class BytePairs(WordVocabulary):
    """Pieces of words: the characters, and what the most frequent pairs of pieces become, again and again.

    Args:
        symbols, unknown: As of a `PieceVocabulary`.
        merges: The pairs, in the order in which they are put together.
    """

    def __init__(self, symbols, merges, unknown="error"):
        super().__init__(symbols, unknown)
        self._merges = [tuple(each) for each in merges]
        model = tokenizers.models.BPE({symbol: index for index, symbol in enumerate(self.symbols)}, self._merges)
        self._tokenizer = _tokenizer(model)

    @classmethod
    def from_text(cls, text, size=1000, unknown="error"):
        tokenizer = _tokenizer(tokenizers.models.BPE())
        trainer = tokenizers.trainers.BpeTrainer(vocab_size=size, show_progress=False)
        tokenizer.train_from_iterator(text.every_piece(), trainer)
        merges = json.loads(tokenizer.to_str())["model"]["merges"]
        vocabulary = tokenizer.get_vocab()
        return cls(sorted(vocabulary, key=vocabulary.get), merges, unknown)

    def cut_up(self, text):
        pieces, end = [], 0
        for begin, after in self._tokenizer.encode(text).offsets:
            pieces += [*text[end:begin], text[begin:after]]  # the tokenizer passes over characters it does not know
            end = after
        return [*pieces, *text[end:]]

    def get_config(self):
        return {**super().get_config(), "merges": self._merges}


def _tokenizer(model):
    tokenizer = tokenizers.Tokenizer(model)
    words = tokenizers.Regex(r"\n| ?\w+| ?[^\w\s]+|\s")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(words, "isolated")
    return tokenizer


RECIPE = {
    "name": "byte-pairs",
    "corpus": {"name": "python_stdlib", "max_bytes": 750_000},
    "vocabulary": {"unit": {"name": "bpe", "size": 1000}},
    "windows": {"batch_size": 32, "length": 32},
    "model": {"cell": "gru", "units": 192, "embedding": 64},
    "training": {"epochs": 3, "optimizer": {"name": "adamw", "learning_rate": 0.005}, "clip_norm": 1.0},
    "samples": {"every_epochs": 3, "prefix": "def ", "temperatures": [0.5]},
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in model.units=64")
    options = parser.parse_args()
    keras_charrnn.fit(RECIPE, dict(map(keras_charrnn.recipe.parse_override, options.overrides)))
