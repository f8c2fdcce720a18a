"""Studies: many trainings under one recipe, compared or searched."""
