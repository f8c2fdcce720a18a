"""Text: corpora -> vocabulary -> ids -> batch-major windows."""
