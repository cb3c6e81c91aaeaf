"""Write the demo datasets of this folder (CC0) from the hand-written lexicons in ``lexicon/``.

Run ``python benchmarks/demo-data/generate.py``: the same files come out, byte for byte, every time.
Each task has its own seed, so changing one lexicon leaves the other datasets as they are.
"""

from __future__ import annotations

import json
import random
from typing import Any

from filling import HERE, Row, distinct, fill, lexicon, parts, upper_first, wordings
from squad import squad
from stories import story
from translation import sentence as translated

OUT = HERE / "hf-suite" / "demo"
SPLITS = ("train", "validation")
SIZES = {
    "reviews": {"train": 480, "validation": 160},
    "answers": {"train": 480, "validation": 160},
    "similarity": {"train": 400, "validation": 160},
    "translation": {"train": 2000, "validation": 300},
}
STORIES = {"train": 400, "validation": 60}


# ---------------------------------------------------------------- reviews


def allowed(lists: dict[str, list[str]], split: str) -> list[str]:
    """Validation uses what train uses and, on top, what is kept for validation."""
    return lists["train"] if split == "train" else [*lists["train"], *lists["validation"]]


OPPOSITE = {"positive": "negative", "negative": "positive"}


def made_clause(rng: random.Random, lex: dict[str, Any], split: str, form: str, label: str) -> str:
    """Fill <good> with an adjective of the label and <bad> with one of the opposite label."""
    words = {word: allowed(lex["adjectives"][word], split) for word in OPPOSITE}
    return fill(form, good=rng.choice(words[label]), bad=rng.choice(words[OPPOSITE[label]]))


def clauses(rng: random.Random, lex: dict[str, Any], domain: Row, split: str, labels: list[str]) -> list[str]:
    """One clause for each of the labels; no two of them on one subject, so that none contradicts another."""
    lines = rng.sample(range(len(domain["positive"][split])), len(labels))  # line n: opposites of each other
    aspects = rng.sample(domain["aspects"][split], len(labels))
    found = []
    for line, aspect, label in zip(lines, aspects, labels, strict=True):
        if rng.random() < 0.35:
            found.append(domain[label][split][line])
        else:
            forms = lex["forms"]["negated" if rng.random() < 0.2 else "plain"]
            form = fill(rng.choice(allowed(forms, split)), aspect=aspect)
            found.append(made_clause(rng, lex, split, form, label))
    return found


def review(rng: random.Random, lex: dict[str, Any], split: str, label: str) -> Row:
    domain = lex["domains"][rng.choice(sorted(lex["domains"]))]
    same, same2, other = clauses(rng, lex, domain, split, [label, label, OPPOSITE[label]])
    verdict = rng.choice(allowed(domain[f"verdict_{label}"], split))
    if rng.random() < 0.5:
        verdict = made_clause(rng, lex, split, rng.choice(allowed(lex["summaries"], split)), label)
    shapes = lex["shapes"]["mixed" if rng.random() < 0.25 else "plain"]
    shape = rng.choice(allowed(shapes, split))
    opener = rng.choice(domain["open"][split])
    text = fill(shape, open=opener, same=same, same2=same2, other=other, verdict=verdict)
    return {"text": fill(text, item=rng.choice(domain["items"][split])), "label": label}


def reviews(rng: random.Random, split: str) -> list[Row]:
    lex = lexicon("reviews")
    labels = ("negative", "positive")
    return distinct(SIZES["reviews"][split], lambda i: review(rng, lex, split, labels[i % 2]))


# ---------------------------------------------------------------- answers


def answer(rng: random.Random, lex: dict[str, Any], split: str, label: str) -> Row:
    """A question and a sentence; a wrong sentence states another fact or is about another topic."""
    names = [n for n in sorted(lex["groups"]) if split != "train" or n not in lex["validation_only"]]
    name = rng.choice(names)
    group = lex["groups"][name]
    topic, other_topic = rng.sample(group["topics"][split], 2)
    fact, other_fact = rng.sample(group["facts"], 2)
    question = fill(rng.choice(wordings(fact["asks"], split)), t=topic)
    if label == "does_not_answer":
        way = rng.random()
        if way < 0.55:  # same topic, other fact
            fact = other_fact
        elif way < 0.75:  # same fact of another topic
            topic = other_topic
        else:  # something else altogether
            group = lex["groups"][rng.choice([n for n in names if n != name])]
            topic, fact = rng.choice(group["topics"][split]), rng.choice(group["facts"])
    says = rng.choice(wordings(fact["says"], split))
    sentence = fill(says, t=topic, v=rng.choice(fact["values"]))
    return {"question": question, "sentence": sentence, "label": label}


def answers(rng: random.Random, split: str) -> list[Row]:
    lex = lexicon("answers")
    labels = ("answers", "does_not_answer")
    return distinct(SIZES["answers"][split], lambda i: answer(rng, lex, split, labels[i % 2]))


# ---------------------------------------------------------------- similarity

ACTION_WEIGHT = {"same": 1.0, "near": 0.6, "theme": 0.3, "other": 0.05}


def scene_pair(rng: random.Random, themes: dict[str, Any], split: str, relation: str) -> tuple[str, str]:
    """Two scenes (each a list of paraphrases joined by " = ") that stand in the relation."""
    name, far = rng.sample(sorted(themes), 2)
    family, other_family = rng.sample(themes[name][split], 2)
    scene, near = rng.sample(family, 2)
    far_scene = rng.choice(rng.choice(themes[far][split]))
    return scene, {"same": scene, "near": near, "theme": rng.choice(other_family), "other": far_scene}[relation]


def sentence(rng: random.Random, actor: str, scene: str, setting: str) -> str:
    who, what = rng.choice(parts(actor, "=")), rng.choice(parts(scene, "="))
    if who.startswith(("two ", "a pair ")):
        verb, rest = what.split(" ", 1)
        what = f"{ {'is': 'are', 'has': 'have'}.get(verb, verb) } {rest}"
    where = f" {rng.choice(parts(setting, '='))}" if setting else ""
    return f"{upper_first(who)} {what}{where}."


def similar_pair(rng: random.Random, lex: dict[str, Any], split: str, relation: str) -> Row:
    """The score is 5 x the weight of the actions x (0.6 + 0.25 if same actor + 0.15 if same setting)."""
    kind = rng.choice(sorted(lex["themes"]))
    first, second = scene_pair(rng, lex["themes"][kind], split, relation)
    actor, other_actor = rng.sample(lex["actors"][kind][split], 2)
    setting, other_setting = rng.sample(["", *lex["settings"][kind][split]], 2)
    same_actor, same_setting = rng.random() < 0.6, rng.random() < 0.6
    weight = ACTION_WEIGHT[relation] * (0.6 + 0.25 * same_actor + 0.15 * same_setting)
    one = sentence(rng, actor, first, setting)
    two = one
    while two == one:
        who = actor if same_actor else other_actor
        two = sentence(rng, who, second, setting if same_setting else other_setting)
    return {"sentence1": one, "sentence2": two, "score": round(5 * weight, 1)}


def similarity(rng: random.Random, split: str) -> list[Row]:
    lex = lexicon("similarity")
    relations = ("same", "near", "same", "theme", "other")
    return distinct(SIZES["similarity"][split], lambda i: similar_pair(rng, lex, split, relations[i % 5]))


# ---------------------------------------------------------------- translation


def translation(rng: random.Random, split: str) -> list[Row]:
    lex = lexicon("translation")
    return distinct(SIZES["translation"][split], lambda _: translated(rng, lex, split))


# ---------------------------------------------------------------- stories


def stories(rng: random.Random, split: str) -> list[str]:
    """A text, a story a line."""
    lex = lexicon("stories")
    return [story(rng, lex) for _ in range(STORIES[split])]


# ---------------------------------------------------------------- all


def written(name: str, split: str, suffix: str, lines: list[str]) -> None:
    path = OUT / name / f"{split}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")


def main() -> None:
    for task in (reviews, answers, similarity, squad, translation, stories):
        name = task.__name__
        for split in SPLITS:
            rng = random.Random(f"hf-suite demo {name} {split}")
            if task is stories:
                written(name, split, ".txt", stories(rng, split))
                continue
            rows = task(rng, split)
            if name != "squad":
                rng.shuffle(rows)
            written(name, split, ".jsonl", [json.dumps(row, ensure_ascii=False) for row in rows])


if __name__ == "__main__":
    main()
