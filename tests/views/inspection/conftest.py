"""Inspections in the tests look for the causes of a guess among fewer symbols: each takes 10 ms, run eagerly."""

import sys

import pytest

import keras_charrnn.views.inspection


@pytest.fixture(autouse=True)
def few_causes(monkeypatch):
    for name in ("causes", "terminal"):  # modules, one of which has the name of a function
        monkeypatch.setattr(sys.modules[f"{keras_charrnn.views.inspection.__name__}.{name}"], "FARTHEST", 12)
