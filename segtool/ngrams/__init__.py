"""N-grams of a corpus: how they are counted, kept, merged and scored."""
