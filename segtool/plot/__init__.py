"""Pictures: the figures that they show, and drawing these with matplotlib (extra ``plot``)."""
