#!/usr/bin/env python3
"""Train the model that comes with segtool, segtool/default/, from text in the public domain or under open licences.

    .venv/bin/python -m scripts.make_default OPEN [OUTPUT]

OPEN is the folder with the files of MIXTURE, which says how often each is taken (docs/quality.md has the choice). The
same files give the same bytes. The card of the model lists the files.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import segtool
from segtool import training
from segtool.lexicon import build
from segtool.parameters import Parameters
from segtool.store.model import save_model
from segtool.text.sources import find_sources, read_blocks

TARGET = Path(__file__).resolve().parent.parent / "segtool" / "default"
MIXTURE = {  # file: how often it is taken, terms
    "dialog_crosswoz.txt": (1, "Apache-2.0"),
    "dialog_kdconv.txt": (3, "Apache-2.0"),
    "finance_fsc_trad.txt": (0.5, "no copyright"),
    "game_cataclysm.txt": (1, "CC BY-SA"),
    "gov_state_council.txt": (2, "no copyright"),
    "gov_work_reports.txt": (3, "no copyright"),
    "law_mainland.txt": (0.3, "public domain"),
    "law_taiwan_trad.txt": (0.1, "public domain"),
    "literature_pd.txt": (1, "public domain"),
    "medical_mtf_wiki.txt": (1, "CC BY-SA"),
    "news_ntrex.txt": (3, "CC BY-SA"),
    "news_president_trad.txt": (1, "no copyright"),
    "novel_story_of_stone.txt": (1, "public domain"),
    "recipes_howtocook.txt": (1, "Unlicense"),
    "stories_cmrc2019_cft.txt": (3, "CC BY-SA"),
    "tech_lctt.txt": (0.15, "Apache-2.0"),
    "tech_pingcap.txt": (1, "CC BY-SA"),
    "wiki_cmrc2018.txt": (5, "CC BY-SA"),
    "wiki_drcd_trad.txt": (5, "CC BY-SA"),
}
SETTINGS: Parameters = {
    "min_count": 3,
    "min_expected": 6.5,
    "class_words": 4000,
    "beginning_weight": 0.5,
    "divergence_weight": 0.0,
    "tagger_min_count": 180,
    "unknown_cost": 9.2,  # less than by default, because words that are expected less often are unknown to the model
}
MOST_BYTES = 8_000_000


def taken(text: str, times: float) -> list[str]:
    """Whole copies of a text, and for the rest lines from all over it."""
    lines = text.split("\n")
    rest = times - int(times)
    some = "\n".join(lines[int(i / rest)] for i in range(int(len(lines) * rest)))
    return [text] * int(times) + [some] * (rest > 0)


def main(folder: Path, target: Path) -> None:
    for module in (build, training):
        vars(module)["MODEL_PATIENCE"] = 1 << 30  # the smallest trie, whatever the time
    texts: list[str] = []
    sources = []
    for name, (times, terms) in MIXTURE.items():
        text = "".join(read_blocks(find_sources([folder / name])))
        texts += taken(text, times)
        digest = hashlib.sha256(text.encode()).hexdigest()
        sources.append({"characters": len(text), "digest": digest, "name": name, "terms": terms, "times": times})
    segmenter = segtool.train(texts=texts, progress=True, **SETTINGS)
    segmenter.model.card["name"] = "default"
    segmenter.model.card["sources"] = sources
    shutil.rmtree(target, ignore_errors=True)
    save_model(segmenter.model, target)
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"{target}: {size:,} bytes, {len(segmenter.model.words):,} words", file=sys.stderr)
    if size > MOST_BYTES:
        raise SystemExit(f"more than {MOST_BYTES:,} bytes: raise min_expected or tagger_min_count")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else TARGET)
