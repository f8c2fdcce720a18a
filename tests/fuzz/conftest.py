import os
import tempfile

_FOLDER = tempfile.TemporaryDirectory()  # removed when the tests end; Hypothesis keeps tables in it
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = _FOLDER.name

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from tests.conftest import is_thorough  # noqa: E402


@pytest.hookimpl(trylast=True)  # after that of all tests, whose number of examples holds here too
def pytest_configure(config):
    """Take the same examples each time, and leave nothing behind: a failure is found again by another run."""
    hypothesis.settings.register_profile(
        "house",
        hypothesis.settings.get_profile("thorough" if is_thorough(config) else "quick"),
        database=None,
        derandomize=True,
        suppress_health_check=[
            hypothesis.HealthCheck.function_scoped_fixture,
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.data_too_large,
        ],
    )
    hypothesis.settings.load_profile("house")
