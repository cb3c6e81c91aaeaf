"""Paragraphs on invented places, with questions that they answer or do not, from ``lexicon/squad.yaml``."""

from __future__ import annotations

import random
from typing import Any

from filling import Row, fill, lexicon, parts, wordings

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
