"""Character language models: estimation, files, queries."""
