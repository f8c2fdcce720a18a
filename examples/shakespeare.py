"""The Shakespeare run through the Python API: what `keras-charrnn train recipes/shakespeare.yaml` does, step by step.

    python examples/shakespeare.py

Its last line is the validation loss over the whole last tenth of the text.
"""

import argparse

import keras

from keras_charrnn import CharRNN, Muon, Vocabulary, callbacks, compute, corpora, windows

WARM_UP = 50  # steps


def main(epochs=3, units=256, characters=None):
    text = corpora.load("tiny_shakespeare", otherwise=["shakespeare_plays"], max_bytes=characters).text
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    cut = int(0.9 * len(ids))
    train = windows.training_windows(ids[:cut], batch_size=32, length=64, random_offset=True)
    validation = windows.evaluation_windows(ids[cut:])

    machine = compute.prepare(batch_size=32)  # before anything else uses TensorFlow
    keras.utils.set_random_seed(0)
    model = CharRNN(vocabulary, "rms_norm_lstm", units=units, embedding=64, ngrams=5, dropout=0.1)
    model.precision, model.replicas = machine.precision, machine.replicas
    steps = max(1, epochs * train.steps - WARM_UP)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=0.015, warmup_steps=WARM_UP)
    decay = {"weight_decay": 0.1, "adam_weight_decay": 0.1}
    optimizer = Muon(rate, **decay, exclude_layers=["head"], precision=machine.precision)
    optimizer.exclude_from_weight_decay(var_list=[each for each in model.trainable_weights if len(each.shape) < 2])
    model.compile(optimizer, steps_per_execution=10)
    model.fit(
        train,
        validation_data=validation,
        epochs=epochs,
        verbose=2,
        callbacks=[
            callbacks.StateReset("epoch"),
            callbacks.GradientClipping(norm=1.0),
            callbacks.Samples([0.5, 1.0], every_epochs=epochs, prefix="ROMEO:", show=lambda title, text: print(text)),
            keras.callbacks.ModelCheckpoint("shakespeare.keras", monitor="val_loss", save_best_only=True),
        ],
    )
    print(f"validation loss {model.evaluate(validation, verbose=0):.4f} nats per character")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--characters", type=int, help="train on so many characters of the text only")
    main(**vars(parser.parse_args()))
