"""Write the demo datasets of this folder (CC0) from the hand-written lexicons in ``lexicon/``.

Run ``python benchmarks/demo-data/generate.py``: the same files come out, byte for byte, every time.
Each task has its own seed, so changing one lexicon leaves the other datasets as they are.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import yaml
from translation import sentence as translated

HERE = Path(__file__).resolve().parent
OUT = HERE / "hf-suite" / "demo"
SPLITS = ("train", "validation")
SIZES = {
    "reviews": {"train": 480, "validation": 160},
    "answers": {"train": 480, "validation": 160},
    "similarity": {"train": 400, "validation": 160},
    "translation": {"train": 2000, "validation": 300},
}
Row = dict[str, Any]


def lexicon(task: str) -> dict[str, Any]:
    return yaml.safe_load((HERE / "lexicon" / f"{task}.yaml").read_text(encoding="utf-8"))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def fill(template: str, **slots: str) -> str:
    """Replace <slot> by its text and <Slot> by its text with a capital first letter."""
    for name, text in slots.items():
        template = template.replace(f"<{name}>", text)
        template = template.replace(f"<{upper_first(name)}>", upper_first(text))
    return template


def parts(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark)]


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


def wordings(text: str, split: str) -> list[str]:
    """The last of the wordings of a fact is kept for validation."""
    found = parts(text, "|")
    return found[:-1] if split == "train" else found


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


# ---------------------------------------------------------------- squad

STATED, ASKED_STATED = 6, 4  # facts a paragraph states; how many of them are asked about


class Values:
    """Draws the values of one paragraph, none of them twice; years rise in the order of the facts."""

    def __init__(self, rng: random.Random, lex: dict[str, Any], split: str, life: bool) -> None:
        self.rng, self.lex, self.split = rng, lex, split
        self.year, self.gap = rng.randint(1790, 1870), (45, 80) if life else (3, 30)
        self.used: set[str] = set()

    def draw(self, kind: str) -> str:
        value = self._one(kind)
        while value in self.used:
            value = self._one(kind)
        self.used.add(value)
        return value

    def _one(self, kind: str) -> str:
        if kind == "person":
            names = self.lex["names"]
            return f"{self.rng.choice(names['first'])} {self.rng.choice(names['last'][self.split])}"
        if kind == "year":
            self.year += self.rng.randint(*self.gap)
            return str(self.year)
        if kind == "count":
            return str(self.rng.randint(21, 990) * 10)
        if kind == "metres":
            return f"{self.rng.randint(40, 390)} metres"
        if kind == "money":
            return f"{self.rng.randint(2, 19)} crowns"
        return self.rng.choice(self.lex["values"][kind])


def facts_of(values: Values, facts: list[Row], slots: dict[str, str], split: str) -> list[Row]:
    """Every fact of a kind of paragraph with its sentence, its answer and one question."""
    found = []
    for fact in facts:
        value = values.draw(fact["kind"])
        says = values.rng.choice(parts(fact["says"], "|"))
        if "<year>" in says:
            says = says.replace("<year>", values.draw("year"))
        asks = values.rng.choice(wordings(fact["asks"], split))
        says, asks = fill(says, v=value, **slots), fill(asks, **slots)
        found.append({"says": says, "asks": asks, "value": value})
    return found


def paragraph(rng: random.Random, lex: dict[str, Any], split: str, place: str, kind: str) -> tuple[str, list[Row]]:
    """A paragraph of 60 or more words and its questions; the facts it leaves out are the unanswerable ones."""
    spec = lex["kinds"][kind]
    values = Values(rng, lex, split, life=kind == "person")
    name = values.draw("person") if spec["name"] == "PERSON" else fill(spec["name"], p=place)
    slots = {"e": name, "p": place, "s": name.split()[-1]}
    facts = facts_of(values, spec["facts"], slots, split)
    stated = sorted(rng.sample(range(len(facts)), STATED))
    said = [fill(rng.choice(parts(spec["intro"], "|")), **slots)]
    said += [facts[i]["says"] for i in stated]
    fillers = rng.sample(lex["fillers"], len(lex["fillers"]))
    while len(" ".join(said).split()) < 60:
        said.insert(rng.randint(2, len(said)), fillers.pop())
    context = " ".join(said)
    asked = []
    for i in sorted(rng.sample(stated, ASKED_STATED)):
        value, says = facts[i]["value"], facts[i]["says"]
        start = context.index(says) + says.index(value)
        asked.append({"question": facts[i]["asks"], "answers": {"text": [value], "answer_start": [start]}})
    for i in range(len(facts)):
        if i not in stated:
            asked.append({"question": facts[i]["asks"], "answers": {"text": [], "answer_start": []}})
    rng.shuffle(asked)
    return context, asked


def squad(rng: random.Random, split: str) -> list[Row]:
    lex = lexicon("squad")
    kinds = [k for k in sorted(lex["kinds"]) if split != "train" or k not in lex["validation_only"]]
    rows = []
    for t, title in enumerate(lex["titles"][split]):
        for p in range(3):
            kind = kinds[(3 * t + p) % len(kinds)]
            context, asked = paragraph(rng, lex, split, title, kind)
            for q, row in enumerate(asked):
                key = f"{title.lower().replace(' ', '-')}-{p + 1}-{q + 1}"
                rows.append({"id": key, "title": title, "question": row["question"],
                             "context": context, "answers": row["answers"]})  # fmt: skip
    return rows


# ---------------------------------------------------------------- translation


def translation(rng: random.Random, split: str) -> list[Row]:
    lex = lexicon("translation")
    return distinct(SIZES["translation"][split], lambda _: translated(rng, lex, split))


# ---------------------------------------------------------------- all


def distinct(size: int, make: Any) -> list[Row]:
    """``size`` rows, ``make(i)`` for row i, drawn again while the same row was there before."""
    rows: list[Row] = []
    seen: set[str] = set()
    while len(rows) < size:
        row = make(len(rows))
        key = "\n".join(str(v) for k, v in row.items() if k not in ("label", "score"))
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return rows


def main() -> None:
    for task in (reviews, answers, similarity, squad, translation):
        name = task.__name__
        for split in SPLITS:
            rng = random.Random(f"hf-suite demo {name} {split}")
            rows = task(rng, split)
            if name != "squad":
                rng.shuffle(rows)
            path = OUT / name / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
            path.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
