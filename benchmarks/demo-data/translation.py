"""English sentences with their German translations, from ``lexicon/translation.yaml`` by the rules of both grammars.

German gets gender, case and number agreement, strong, weak and mixed adjective endings, and its verb in the second
place, at the end or at the beginning. Not a translator: each sentence is made in both languages at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from grammar import (
    ACCUSATIVE,
    CONTRACTED,
    DATIVE,
    GENDER,
    NOMINATIVE,
    THE,
    Pairs,
    Phrase,
    Quality,
    Said,
    Verb,
    be,
    english,
    german,
    have,
    is_,
    noun,
    pair,
    upper_first,
    verb,
    words,
)

KEPT = 0.15
"""Share of the pairs of words (adjective and noun, verb and object, weather and region) that only validation holds."""


def is_kept(one: tuple[str, str]) -> bool:
    """Whether only validation may hold this pair of words."""
    return random.Random(f"hf-suite demo translation {one[0]} {one[1]}").random() < KEPT


class Writer:
    """Makes sentences, by chance of its own."""

    def __init__(self, rng: random.Random, lexicon: dict[str, Any]) -> None:
        self.rng, self.lexicon = rng, lexicon
        classes = ("people", "children", "relatives", "animals", "food", "texts", "things", "laundry", "openings")
        self.nouns = {name: [noun(line) for line in lexicon[name]] for name in classes}
        self.verbs = [verb(line) for line in lexicon["verbs"]]
        self.giving = [verb(line) for line in lexicon["giving"]]
        self.adjectives: dict[str, list[tuple[str, str]]] = {name: [] for name in classes}
        for line in lexicon["adjectives"]:
            forms, _, fits = line.partition(":")
            for name in fits.split():
                self.adjectives[name].append(pair(forms))

    def pick(self, *path: str) -> tuple[str, str]:
        found: Any = self.lexicon
        for name in path:
            found = found[name]
        return pair(self.rng.choice(found))

    # ---------------------------------------------------------------- noun phrases

    def phrase(self, name: str, case: int, *, definite: bool = False, adjective: float = 0.45) -> Phrase:
        """A noun of a class with article, number and perhaps an adjective."""
        one = self.rng.choice(self.nouns[name])
        plural = name != "relatives" and self.rng.random() < 0.35
        if name == "relatives":
            articles = ["my", "our"]
        elif definite:
            articles = ["the", "the", "this"]
        else:
            articles = ["the", "the", "", "two", "three"] if plural else ["the", "the", "a", "a", "this"]
            articles += ["my", "our"] if name not in ("people", "children") else []
        article = self.rng.choice(articles)
        with_adjective = self.adjectives[name] and self.rng.random() < adjective
        quality = self.rng.choice(self.adjectives[name]) if with_adjective else None
        pairs = frozenset({(quality[0], one.en[0])}) if quality else frozenset()
        de = german(one, article, self.before_ending(quality), case, plural=plural)
        said = Said(english(one, article, quality, plural=plural), de, pairs)
        return Phrase(said, one, plural, article in ("the", "this", "my", "our"))

    def before_ending(self, quality: Quality | None) -> Quality | None:
        return quality and (quality[0], self.lexicon["stems"].get(quality[1], quality[1]))

    def subject(self) -> Phrase:
        return self.phrase(
            self.rng.choice(["people", "people", "people", "children", "relatives"]), NOMINATIVE, adjective=0.3
        )

    def object(self, one: Verb, *, definite: bool = False) -> Phrase:
        return self.phrase(self.rng.choice(one.objects), ACCUSATIVE, definite=definite)

    def place(self) -> Said:
        en, de = (words(side) if "," in side else side for side in self.pick("places"))
        preposition, article, name = de.split(" ")  # type: ignore[union-attr]
        before = f"{preposition} {THE[GENDER[article]][DATIVE]}"
        return Said(f"{en[0]} the {en[1]}", f"{CONTRACTED.get(before, before)} {name}")

    # ---------------------------------------------------------------- sentences

    def caption(self) -> Said:
        """A woman is reading the book in the garden."""
        who, what, where, one = self.deed()
        place = self.place()
        middle = [what.said.de, place.de] if what.definite else [place.de, what.said.de]
        de = [who.said.de, one.finite(plural=who.plural), *middle, one.prefix]
        return self.joined([who.said.en, be(who), one.en[2], what.said.en, place.en], de, where)

    def habit(self) -> Said:
        """Every day the woman reads the book: in German the verb comes before its subject."""
        (en, de), (who, what, pairs, one) = self.pick("habits"), self.deed()
        german = [de, one.finite(plural=who.plural), who.said.de, what.said.de, one.prefix]
        return self.joined([en, who.said.en, one.english(plural=who.plural), what.said.en], german, pairs)

    def past(self) -> Said:
        """Yesterday the woman read the book: in German a participle at the end."""
        (en, de), (who, what, pairs, one) = self.pick("past"), self.deed()
        german = [de, have(who), who.said.de, what.said.de, one.participle]
        return self.joined([en, who.said.en, one.en[3], what.said.en], german, pairs)

    def modal(self) -> Said:
        """The woman must read the book: in German an infinitive at the end."""
        who, what, pairs, one = self.deed()
        en, de = self.pick("modals")
        said = en.split(" | ")[-1 if who.plural else 0]
        german = [who.said.de, words(de)[who.plural], what.said.de, one.prefix + one.infinitive]
        return self.joined([who.said.en, said, one.en[0], what.said.en], german, pairs)

    def thought(self) -> Said:
        """I think that the woman is reading the book: in German the verb comes last."""
        (en, de), (who, what, pairs, one) = self.pick("thinking"), self.deed()
        if self.rng.random() < 0.5:
            english, last = [be(who), one.en[2]], one.prefix + one.finite(plural=who.plural)
        else:
            english, last = [one.en[3]], f"{one.participle} {have(who)}"
        german = [f"{de}, dass", who.said.de, what.said.de, last]
        return self.joined([en, "that", who.said.en, *english, what.said.en], german, pairs)

    def reason(self) -> Said:
        """The woman is tired because she cleaned the door: pronouns agree, and the verb comes last."""
        who, what, pairs, one = self.deed()
        (mood, stimmung), (they, sie) = self.pick("moods"), who.pronouns
        if self.rng.random() < 0.5:
            english, last = [one.en[3]], f"{one.participle} {have(who)}"
        else:
            english, last = ["must", one.en[0]], f"{one.prefix}{one.infinitive} {'müssen' if who.plural else 'muss'}"
        de = [who.said.de, is_(who), f"{stimmung}, weil", sie, what.said.de, last]
        return self.joined([who.said.en, be(who), mood, "because", they, *english, what.said.en], de, pairs)

    def gift(self) -> Said:
        """The teacher gives the girl a book: dative and accusative; yesterday also at the end."""
        one, who = self.rng.choice(self.giving), self.subject()
        whom = self.phrase(self.rng.choice(["people", "children", "relatives"]), DATIVE, adjective=0.25)
        while whom.noun == who.noun:
            whom = self.phrase("people", DATIVE, adjective=0.25)
        what = self.object(one)
        pairs = who.said.pairs | whom.said.pairs | what.said.pairs | {(one.en[0], what.noun.en[0])}
        objects = [whom.said.en, what.said.en], [whom.said.de, what.said.de]
        if self.rng.random() < 0.5:
            german = [who.said.de, one.finite(plural=who.plural), *objects[1]]
            return self.joined([who.said.en, one.english(plural=who.plural), *objects[0]], german, pairs)
        en, de = self.pick("past")
        german = [de, have(who), who.said.de, *objects[1], one.participle]
        return self.joined([en, who.said.en, one.en[3], *objects[0]], german, pairs)

    def question(self) -> Said:
        """Is the woman reading the book? The German verb comes first."""
        who, what, pairs, one = self.deed()
        if self.rng.random() < 0.5:
            de = [one.finite(plural=who.plural), who.said.de, what.said.de, one.prefix]
            return self.joined([be(who), who.said.en, one.en[2], what.said.en], de, pairs, end="?")
        de = [have(who), who.said.de, what.said.de, one.participle]
        return self.joined(["did", who.said.en, one.en[0], what.said.en], de, pairs, end="?")

    def denial(self) -> Said:
        """The woman is not reading the book: `nicht` stands behind the object."""
        who, what, pairs, one = self.deed(definite=True)
        de = [who.said.de, one.finite(plural=who.plural), what.said.de, "nicht", one.prefix]
        return self.joined([who.said.en, be(who), "not", one.en[2], what.said.en], de, pairs)

    def quality(self) -> Said:
        """The door is green: without an ending."""
        name = self.rng.choice([name for name, found in self.adjectives.items() if found])
        who = self.phrase(name, NOMINATIVE, definite=True, adjective=0.0)
        en, de = self.rng.choice(self.adjectives[name])
        pairs = frozenset({(en, who.noun.en[0])})
        return self.joined([who.said.en, be(who), en], [who.said.de, is_(who), de], pairs)

    def weather(self) -> Said:
        """On Monday it will be cold and windy in the north, and the like."""
        return self.rng.choice([self._will_be, self._happens, self._there, self._moves, self._stays])()

    def _will_be(self) -> Said:
        (day, tag), (where, wo) = self.pick("weather", "days"), self.pick("weather", "regions")
        (warm, warm_de), (sky, sky_de) = self.pick("weather", "warmth"), self.pick("weather", "skies")
        en = ["on", day, "it will be", warm, "and", sky, where]
        return self.joined(en, ["am", tag, "wird es", wo, warm_de, "und", sky_de], {(warm, where), (sky, where)})

    def _happens(self) -> Said:
        (day, tag), (part, teil) = self.pick("weather", "days"), self.pick("weather", "parts")
        (where, wo), (what, was) = self.pick("weather", "regions"), self.pick("weather", "happens")
        pairs = {(what, where), (day, part)}
        return self.joined(["on", day, part, "it will", what, where], ["am", tag + teil, was, "es", wo], pairs)

    def _there(self) -> Said:
        (day, tag), (where, wo) = self.pick("weather", "days"), self.pick("weather", "regions")
        what, was = self.pick("weather", "there")
        return self.joined(["on", day, "there will be", what, where], ["am", tag, "gibt es", wo, was], {(what, where)})

    def _moves(self) -> Said:
        (moves, steigt), (where, wo) = self.pick("weather", "moves"), self.pick("weather", "regions")
        degrees = str(self.rng.randint(2, 29))
        pairs = {(moves, where)}
        en = ["the temperature", moves, "to", degrees, "degrees", where]
        return self.joined(en, ["die Temperatur", steigt, wo, "auf", degrees, "Grad"], pairs)

    def _stays(self) -> Said:
        (day, tag), (what, was), who = self.pick("weather", "days"), self.pick("weather", "happens"), self.subject()
        pairs = {(what, day)} | who.said.pairs
        stays = "bleiben" if who.plural else "bleibt"
        en = ["if it", what + "s", "on", f"{day},", who.said.en, "will stay at home"]
        return self.joined(en, ["wenn es am", tag, f"{was},", stays, who.said.de, "zu Hause"], pairs)

    # ---------------------------------------------------------------- what they share

    def deed(self, *, definite: bool = False) -> tuple[Phrase, Phrase, Pairs, Verb]:
        """Who does what, not to themselves."""
        one, who = self.rng.choice(self.verbs), self.subject()
        what = self.object(one, definite=definite)
        while what.noun == who.noun:
            what = self.object(one, definite=definite)
        return who, what, who.said.pairs | what.said.pairs | {(one.en[0], what.noun.en[0])}, one

    def joined(self, en: list[str], de: list[str], pairs: Pairs | set[tuple[str, str]], *, end: str = ".") -> Said:
        one, other = (upper_first(" ".join(filter(None, side))) + end for side in (en, de))
        return Said(one, other, frozenset(pairs))


KINDS: tuple[tuple[int, Callable[[Writer], Said]], ...] = (
    (20, Writer.caption),
    (12, Writer.habit),
    (12, Writer.past),
    (10, Writer.modal),
    (10, Writer.thought),
    (8, Writer.reason),
    (8, Writer.gift),
    (6, Writer.question),
    (5, Writer.denial),
    (4, Writer.quality),
    (12, Writer.weather),
)


def sentence(rng: random.Random, lexicon: dict[str, Any], split: str) -> dict[str, str]:
    """A row: in train without any pair of words that is kept for validation, there with at least one."""
    writer = Writer(rng, lexicon)
    weights, makers = zip(*KINDS, strict=True)
    while True:
        said = rng.choices(makers, weights)[0](writer)
        if any(map(is_kept, said.pairs)) == (split == "validation"):
            return {"en": said.en, "de": said.de}
