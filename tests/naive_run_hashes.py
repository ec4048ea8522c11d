"""Slow, obvious twins of what orders and samples runs by their hashes; runs are lists of symbol ids."""

_BITS = (1 << 64) - 1


def hash_of(codes):
    """Hash of a run of codes: MurmurHash3's way to mix, in whole numbers without a limit."""
    value = 0x9E3779B97F4A7C15
    for code in codes:
        value = (value ^ code) * 0xFF51AFD7ED558CCD & _BITS
        value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _BITS
    return value ^ value >> 33


def in_order(runs, codes):
    """Runs in the order of their hashes, then of their symbols."""
    return sorted(runs, key=lambda run: (hash_of([int(codes[symbol]) for symbol in run]), run))


def sizes(hashes, lengths):
    """Symbols of the runs, with the boundary behind each, by the highest 16 bits of their hashes."""
    out = [0] * (1 << 16)
    for value, length in zip(hashes, lengths, strict=True):
        out[value >> 48] += length + 1
    return out


def limit(sizes, symbols):
    """The greatest number of hash classes that together have so many symbols at most."""
    total = 0
    for i, size in enumerate(sizes):
        total += size
        if total > symbols:
            return i
    return len(sizes)


def kept(run, longest):
    """Pieces of a run, all but the last of so many symbols."""
    return [run[i : i + longest] for i in range(0, len(run), longest)]
