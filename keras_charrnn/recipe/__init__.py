"""Recipes: YAML into frozen dataclasses, every problem reported at once."""

from keras_charrnn.recipe.overrides import parse_override
from keras_charrnn.recipe.recipe import Recipe, describe_keys, read

__all__ = ["Recipe", "describe_keys", "parse_override", "read"]
