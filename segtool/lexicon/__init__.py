"""The default method: a segmental unigram lexicon by EM, and the model that is built from it."""
