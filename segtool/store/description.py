"""Facts about a model: what it is, what it was made from, its sizes and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segtool.store.model import Model

__all__ = ["facts_of", "shown_facts"]

_ORIGIN = {"name": str, "sources": list, "base": dict, "adapted": dict, "tuned": dict, "dictionary": dict}
"""Entries of a card, and their types."""


def facts_of(model: Model) -> dict[str, Any]:
    """Collect the facts, ready for JSON.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        ``path`` (None in memory), ``method``, ``words``, ``symbols``, ``bytes`` (of its arrays), ``corpus``,
        ``granularity``, ``language_model``, ``segtool_version``, ``format_version``, ``parameters``; where the model
        has them ``name``, ``sources``, ``base``, ``adapted``, ``tuned`` and ``dictionary``, as its card has them.
    """
    card = model.card
    arrays = (model.symbols, model.faces, model.lexicon, model.spelling, model.words, model.spellings)
    return {
        "path": None if model.path is None else str(model.path),
        "included": model.is_included,
        "method": card.get("parameters", {}).get("method", "unigram"),
        "words": len(model.words),
        "symbols": len(model.symbols),
        "bytes": sum(array.nbytes for array in arrays),
        "corpus": card.get("corpus", {}),
        "granularity": model.granularity,
        "language_model": model.keeps_lm,
        "segtool_version": card.get("segtool_version"),
        "format_version": card.get("format_version"),
        "parameters": card.get("parameters", {}),
        **{name: card[name] for name, kind in _ORIGIN.items() if card.get(name) and isinstance(card[name], kind)},
    }


def shown_facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Give the facts as rows for people, without the parameters."""
    where = "in memory" if facts["path"] is None else facts["path"]
    rows = [
        ("model", where + (" (comes with segtool)" if facts["included"] else "")),
        ("method", str(facts["method"])),
        ("words", f"{facts['words']:,} of {facts['symbols']:,} symbols"),
        ("size", f"{facts['bytes'] / 1e6:.1f} MB"),
        ("corpus", _corpus(facts["corpus"])),
    ]
    for source in facts.get("sources", ()):
        if not isinstance(source, dict):
            continue
        times = source.get("times", 1)
        share = f", counted {times}×" if times != 1 else ""
        rows.append(("source", f"{source.get('name')} ({source.get('terms')}){share}"))
    base = facts.get("base")
    while base:
        rows.append(("continues", f"{base.get('name', 'a model')}: {_corpus(base.get('corpus', {}))}"))
        base = base.get("base")
    if "adapted" in facts:
        rows.append(("adapted", f"to {facts['adapted'].get('symbols')} symbols of raw text"))
    if "tuned" in facts:
        tuned = facts["tuned"]
        f1 = tuned.get("f1")
        shown = " → ".join(map(str, f1)) if isinstance(f1, list) else "unknown"
        found = f"F1 {shown} by cross-validation" if tuned.get("wins") else "without a gain"
        rows.append(("tuned", f"to {tuned.get('sentences')} sentences: {found}"))
    if "dictionary" in facts:
        lists = facts["dictionary"]
        numbers = (f"{lists[name]:,} {name}" for name in ("words", "prefer", "force", "forbid") if lists.get(name))
        rows.append(("dictionary", ", ".join(numbers) + (", complete" if lists.get("words_only") else "")))
    if facts["granularity"]:
        rows.append(("granularity", f"{facts['granularity']:g} nats"))
    if facts["language_model"]:
        rows.append(("language", "keeps a language model"))
    version = facts["format_version"]
    rows.append(("made by", f"segtool {facts['segtool_version']}" + (f", format {version}" if version else "")))
    return rows


def _corpus(entry: dict[str, Any]) -> str:
    """Describe a corpus by its entry in a card."""
    names = ("characters", "lines", "symbols", "words")
    parts = [f"{entry[name]:,} {name}" for name in names if isinstance(entry.get(name), int)]
    return ", ".join(parts) or "unknown"
