import os
import tempfile

_FOLDER = tempfile.TemporaryDirectory()  # removed when the tests end; Hypothesis keeps tables in it
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = _FOLDER.name

import hypothesis  # noqa: E402

# The same examples each time, and nothing left behind: a failure is found again by running the test again.
hypothesis.settings.register_profile(
    "house",
    database=None,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.data_too_large,
    ],
)
hypothesis.settings.load_profile("house")
