from tests.fuzz.conftest import pytest_configure  # noqa: F401  (Hypothesis takes the same examples each time)
