"""Explanations of cuts: scores, origins, alternatives."""
