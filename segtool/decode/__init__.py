"""Cutting text into words with a model."""
