"""Texts from the model while it trains."""

import pathlib

import keras

from keras_charrnn.common.files import write_text


class Samples(keras.callbacks.Callback):
    """Makes a text at each of several temperatures every so many epochs or steps.

    Args:
        temperatures: One sample at each.
        every_epochs: Epochs from sample to sample; 0 for none.
        every_steps: Steps from sample to sample; 0 for none. With `steps_per_execution` above 1 in `compile`, samples
            come at the first step that Keras reports at or after the period's end.
        prefix, length, top_k, top_p, seed, further: As in `CharRNN.generate`.
        folder: Where each set of samples is written as a text file; None for nowhere.
        show: Called with the title and the text of each sample; None for nothing.
    """

    memory = ()

    def __init__(
        self,
        temperatures=(0.5, 0.8, 1.0),
        every_epochs=1,
        every_steps=0,
        prefix="",
        length=300,
        top_k=None,
        top_p=None,
        seed=0,
        folder=None,
        show=None,
        **further,
    ):
        super().__init__()
        self.temperatures, self.every_epochs, self.every_steps = temperatures, every_epochs, every_steps
        self.settings = {"prefix": prefix, "length": length, "top_k": top_k, "top_p": top_p, "seed": seed, **further}
        self.folder, self.show = folder, show
        self._periods = 0  # of steps that have ended

    def on_train_begin(self, logs=None):
        self._periods = self._step() // self.every_steps if self.every_steps else 0

    def on_train_batch_end(self, batch, logs=None):
        if self.every_steps and (step := self._step()) // self.every_steps > self._periods:
            self._periods = step // self.every_steps
            self._sample(f"step-{step:06d}", f"step {step}")

    def on_epoch_end(self, epoch, logs=None):
        if self.every_epochs and (epoch + 1) % self.every_epochs == 0:
            self._sample(f"epoch-{epoch + 1:03d}", f"epoch {epoch + 1}")

    def _step(self):
        return int(self.model.windows_done)

    def _sample(self, file, when):
        texts = []
        for temperature in (None,) if self.settings.get("beams") else self.temperatures:
            text = self.model.generate(temperature=temperature, **self.settings)
            how = f"temperature {temperature:g}" if temperature is not None else f"{self.settings['beams']} beams"
            title = f"{when}, {how}"
            texts.append(f"--- {title} ---\n{text}\n")
            if self.show:
                self.show(title, text)
        if self.folder:
            write_text(pathlib.Path(self.folder) / f"{file}.txt", "\n".join(texts))
