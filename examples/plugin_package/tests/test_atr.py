from charrnn_atr import ATR

import keras_charrnn


def test_atr_is_a_cell():
    keras_charrnn.testing.check_cell(ATR)


def test_its_name_is_found_without_a_plugin_in_the_recipe():
    assert keras_charrnn.registry.cells.get("atr") is ATR
