"""Short stories from ``lexicon/stories.yaml``, each about one hero to whom what happens stays the same throughout.

Not a language model: every sentence stands in the lexicon but for the words that are filled in.
"""

from __future__ import annotations

import random
import re
from typing import Any

PRONOUNS = {"girls": ("she", "her", "her", "herself"), "boys": ("he", "him", "his", "himself")}
SETTLED = ("village", "where", "animal", "size", "thing", "made", "dish", "spot", "wild", "season", "body")
"""What a story keeps to, once it is drawn."""


def expand(rng: random.Random, text: str, lexicon: dict[str, Any], settled: dict[str, str]) -> str:
    """Takes one of each ``[a|b]``, then fills each ``<word>``; capitals are as the word's."""
    while "[" in text:
        text = re.sub(r"\[([^][]*)\]", lambda found: rng.choice(found[1].split("|")), text)

    def filled(found: re.Match[str]) -> str:
        name = found[1].lower()
        said = settled[name] if name in settled else expand(rng, rng.choice(lexicon[name]), lexicon, settled)
        return said[:1].upper() + said[1:] if found[1][0].isupper() else said

    return re.sub(r"<(\w+)>", filled, text)


def settle(rng: random.Random, lexicon: dict[str, Any]) -> dict[str, str]:
    """Hero, friend and the things that one story is about."""
    group, other = rng.choice(sorted(PRONOUNS)), rng.choice(sorted(PRONOUNS))
    hero = rng.choice(lexicon[group])
    friend = rng.choice([name for name in lexicon[other] if name != hero])
    he, him, his, himself = PRONOUNS[group]
    settled = {"hero": hero, "he": he, "him": him, "his": his, "himself": himself, "friend": friend,
               "his2": PRONOUNS[other][2], "they": "they", "group": group}  # fmt: skip
    for name in SETTLED:
        settled[name] = expand(rng, rng.choice(lexicon[name]), lexicon, settled)
    return settled


def story(rng: random.Random, lexicon: dict[str, Any]) -> str:
    """One story, a paragraph of some ten sentences."""
    settled = settle(rng, lexicon)
    theme = lexicon["themes"][rng.choice(sorted(lexicon["themes"]))]
    suitable = [
        text for text in lexicon["opening"] if ("[girl|" if settled["group"] == "boys" else "[boy|") not in text
    ]
    told = [rng.choice(suitable)]
    told += [rng.choice(lexicon["weather"])] if rng.random() < 0.5 else []
    told += [rng.choice(theme["begin"]), *rng.sample(theme["try"], rng.choice((1, 2)))]
    told += [rng.choice(lexicon["extra"])] if rng.random() < 0.7 else []
    told += [rng.choice(theme[part]) for part in ("meet", "solve", "end")]
    told += [rng.choice(lexicon["moral"])] if rng.random() < 0.5 else []
    text = " ".join(expand(rng, part, lexicon, settled) for part in told)
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
