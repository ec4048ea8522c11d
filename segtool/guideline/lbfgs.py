"""L-BFGS: minimises a smooth function of many variables (Nocedal 1980; Liu & Nocedal 1989)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segtool.runtime.arrays import Floats, dot

__all__ = ["minimise"]

PAIRS = 10
"""Steps that the estimate of the curvature is made of."""

DECREASE = 1e-4
"""Share of the decrease that the slope promises, which a step has to reach (Armijo's rule)."""

TOLERANCE = 1e-6
"""The search ends when a step lowers the value by a smaller share of it."""

HALVINGS = 40


def minimise(function: Callable[[Floats], tuple[float, Floats]], start: Floats, steps: int) -> tuple[Floats, int]:
    """Minimise a function from a starting point.

    Parameters
    ----------
    function : callable
        Gives the value at a point and the gradient there.
    start : ndarray of float64
    steps : int
        Greatest number of steps.

    Returns
    -------
    point : ndarray of float64
        The best point found.
    steps : int
        Steps that were made.
    """
    point = start.copy()
    value, gradient = function(point)
    moves: list[Floats] = []
    changes: list[Floats] = []
    for step in range(steps):
        direction = -_approximate(gradient, moves, changes)
        slope = dot(gradient, direction)
        if slope >= 0.0:
            return point, step
        size = 1.0
        for _ in range(HALVINGS):
            there = point + size * direction
            new_value, new_gradient = function(there)
            if new_value <= value + DECREASE * size * slope:
                break
            size /= 2
        else:
            return point, step
        move, change = there - point, new_gradient - gradient
        if dot(move, change) > 1e-12:
            moves, changes = [*moves, move][-PAIRS:], [*changes, change][-PAIRS:]
        close = value - new_value < TOLERANCE * max(abs(new_value), 1.0)
        point, value, gradient = there, new_value, new_gradient
        if close:
            return point, step + 1
    return point, steps


def _approximate(gradient: Floats, moves: list[Floats], changes: list[Floats]) -> Floats:
    """Product of the inverse of the curvature, as far as it is known, and the gradient."""
    if not moves:
        return gradient / max(1.0, float(np.abs(gradient).max()))
    out = gradient.copy()
    shares = []
    for move, change in zip(reversed(moves), reversed(changes), strict=True):
        share = dot(move, out) / dot(move, change)
        shares.append(share)
        out -= share * change
    out *= dot(moves[-1], changes[-1]) / dot(changes[-1], changes[-1])
    for move, change, share in zip(moves, changes, reversed(shares), strict=True):
        out += (share - dot(change, out) / dot(move, change)) * move
    return out
