"""What is installed from the source distribution, without the checkout."""

import os
import pathlib
import subprocess
import sys
import tarfile

import pytest

import keras_charrnn

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]


def execute(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a folder in which the wheel that is made of the source distribution is installed."""
    folder = tmp_path_factory.mktemp("distribution")
    checkout = folder / "checkout"
    checkout.mkdir()
    execute(
        "bash", "-c", f"git -C '{ROOT}' ls-files -z | tar -C '{ROOT}' --null -T - -cf - | tar -C '{checkout}' -xf -"
    )
    build = f"import setuptools.build_meta as build; print(build.build_sdist({str(folder)!r}))"
    name = execute(sys.executable, "-c", build, cwd=checkout).split()[-1]
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    pip = sys.executable, "-m", "pip", "--disable-pip-version-check"
    execute(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder / "wheel", source)
    (wheel,) = (folder / "wheel").iterdir()
    assert wheel.stat().st_size < 12_000_000
    execute(*pip, "install", "--no-deps", "--target", folder / "installed", wheel)
    return folder / "installed"


@pytest.mark.thorough
def test_the_wheel_writes_lists_and_trains_without_the_checkout(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    how = {"cwd": tmp_path, "env": environment}
    found = execute(sys.executable, "-c", "import keras_charrnn; print(keras_charrnn.__file__)", **how)
    assert pathlib.Path(found.strip()).parents[1] == installed
    program = sys.executable, "-m", "keras_charrnn"
    assert execute(*program, "sample", "shakespeare", "--prefix", "ROMEO:", "--length", "30", **how).startswith(
        "ROMEO:"
    )
    assert "shakespeare_best" in execute(*program, "recipes", **how)
    assert "keras-charrnn train shakespeare_best" in execute(*program, "models", **how)
    execute(*program, "recipes", "--copy", "quickstart", **how)
    small = ("model.units=8", "model.ngrams=1", "training.epochs=1", "corpus.max_bytes=20000")
    small = [part for each in small for part in ("--set", each)]
    assert "best validation loss" in execute(*program, "train", "quickstart", *small, **how)
