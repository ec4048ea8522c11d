"""What a user counts as a word: labelled sentences (:mod:`segtool.guideline.tune`)."""
