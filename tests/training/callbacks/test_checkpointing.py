"""The checkpoint of the beginning, which is written while the first steps are made."""

import time

import keras
import pytest

import keras_charrnn
from keras_charrnn.errors import WriteError
from keras_charrnn.runs.checkpoints import Checkpoints
from keras_charrnn.runs.folder import RunFolder


class Failure(Exception):
    """What goes wrong in the first step."""


class Fail(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        raise Failure


def test_it_is_there_whatever_comes_of_them(tiny, console, tmp_path, monkeypatch):
    save = Checkpoints.save

    def take_long(*arguments):
        time.sleep(0.3)
        save(*arguments)

    monkeypatch.setattr(Checkpoints, "save", take_long)
    with pytest.raises(Failure):
        keras_charrnn.fit(tiny, runs_dir=tmp_path, console=console, callbacks=[Fail()])
    assert RunFolder(tmp_path / "tiny-001").checkpoints.newest().facts["step"] == 0


@pytest.mark.parametrize("further", [[], [Fail()]])
def test_that_it_cannot_be_written_is_said(further, tiny, console, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise WriteError("the disk is full")

    monkeypatch.setattr(Checkpoints, "save", refuse)
    with pytest.raises(WriteError, match="the disk is full"):
        keras_charrnn.fit(tiny, runs_dir=tmp_path, console=console, callbacks=further)
