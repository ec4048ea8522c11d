"""From inputs to symbols: sources, encodings, characters, folding, runs."""
