"""What people look at: the report of a run, a look inside a model, advice."""
