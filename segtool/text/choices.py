"""What users may choose about tokens, where two answers are needed (docs/tokens.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from segtool.errors import UsageError

__all__ = ["CHOICES", "TokenChoices"]

CHOICES = {
    "urls": ("whole", "parts"),
    "names": ("whole", "parts"),
    "units": ("learned", "whole", "apart"),
    "dates": ("parts", "learned"),
}
"""The values of each choice, the default first."""


@dataclass(frozen=True)
class TokenChoices:
    """How URLs, names, units and dates are cut.

    Attributes
    ----------
    urls : {"whole", "parts"}
        URLs and e-mail addresses.
    names : {"whole", "parts"}
        Names with a middle dot.
    units : {"learned", "whole", "apart"}
        A number and its unit: as the model has learned it, one word, or two.
    dates : {"parts", "learned"}
        A number and 年, 月, 日 or a unit of time: one word, or as the model has learned it. With ``units="apart"``,
        two words.
    """

    urls: str = "whole"
    names: str = "whole"
    units: str = "learned"
    dates: str = "parts"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value not in CHOICES[name]:
                shown = str(value)[:30]
                raise UsageError(f"tokens: {name}={shown} is no choice: choose from {', '.join(CHOICES[name])}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TokenChoices:
        """Make choices of a mapping; what it lacks is as by default.

        Raises
        ------
        UsageError
            If a name or a value is unknown.
        """
        unknown = next((name for name in given if name not in CHOICES), None)
        if unknown is not None:
            raise UsageError(f"tokens: {str(unknown)[:30]} is no choice: choose from {', '.join(CHOICES)}")
        return cls(**given)
