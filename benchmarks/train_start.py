"""Contender: the start of a training from a recipe. RECIPE

The seconds from its beginning to the end of the tenth step, of ten more steps, and of the first validation.
"""

import argparse
import tempfile
import time

import contender
import keras

import keras_charrnn


class Start(keras.callbacks.Callback):
    """Notes when the training began, each ten steps ended, and the validation began and ended; stops after twenty."""

    def on_train_begin(self, logs=None):
        self.ticks = [time.perf_counter()]

    def on_train_batch_end(self, batch, logs=None):
        self.ticks.append(time.perf_counter())
        self.model.stop_training = len(self.ticks) > 2

    def on_test_begin(self, logs=None):
        self.ticks.append(time.perf_counter())

    def on_test_end(self, logs=None):
        self.ticks.append(time.perf_counter())


def main(recipe):
    start = Start()
    with tempfile.TemporaryDirectory() as folder:
        keras_charrnn.fit(recipe, overrides={"training.epochs": 1}, runs_dir=folder, callbacks=[start])
    begun, tenth, twentieth, validation, validated = start.ticks
    contender.report(first_ten=tenth - begun, next_ten=twentieth - tenth, validation=validated - validation)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    main(**vars(parser.parse_args()))
