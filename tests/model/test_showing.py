"""What a notebook shows of a model."""

import html.parser
import re

import pytest


def cells(page):
    found, parser = [], html.parser.HTMLParser()
    parser.handle_data = found.append
    parser.feed(page)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cell": "lstm", "layers": 2, "embedding": "one_hot"},
        {"normalization": "layer", "feed_forward": 20, "residual": True, "embedding": 12},
        {"tie_embedding": True, "embedding": 12, "zoneout": 0.1, "ngrams": 3},
    ],
)
def test_a_table_has_every_weight_once_and_their_number(make_model, settings):
    model = make_model(**settings)
    shown = cells(model._repr_html_())
    numbers = [int(each.replace(",", "")) for each in shown if re.fullmatch(r"[\d,]+", each)]
    assert numbers[-1] == model.count_params() == sum(numbers[:-1])
    shapes = sorted(re.findall(r"\(\d[\d, ]*\)", " ".join(shown)))
    assert shapes == sorted(str(tuple(weight.shape)) for weight in model.weights)
    assert f"(B, T, {len(model.vocabulary)})" in shown and "recurrent_0" in shown
