import hypothesis

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
