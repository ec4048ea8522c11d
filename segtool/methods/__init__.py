"""The other methods of finding words, after the articles they come from."""
