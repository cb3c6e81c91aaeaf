"""Words and noun phrases of two grammars: a line of the lexicon -> all forms; article, adjective and noun -> a phrase.

Makes no sentences; ``translation`` does.
"""

from __future__ import annotations

from dataclasses import dataclass

Pairs = frozenset[tuple[str, str]]
Quality = tuple[str, str]
"""An adjective in English, and in German as it stands before an ending."""

THE = {"m": ("der", "den", "dem"), "f": ("die", "die", "der"), "n": ("das", "das", "dem"), "pl": ("die", "die", "den")}
STRONG = {"m": ("er", "en", "em"), "f": ("e", "e", "er"), "n": ("es", "es", "em"), "pl": ("e", "e", "en")}
AFTER_EIN = {"m": ("", "en", "em"), "f": ("e", "e", "er"), "n": ("", "", "em"), "pl": ("e", "e", "en")}
WEAK = {"m": ("e", "en", "en"), "f": ("e", "e", "en"), "n": ("e", "e", "en"), "pl": ("en", "en", "en")}
NOMINATIVE, ACCUSATIVE, DATIVE = range(3)
GENDER = {"der": "m", "die": "f", "das": "n"}
SUBJECT_PRONOUN = {"m": "er", "f": "sie", "n": "es"}
EIN_WORDS = {"a": "ein", "my": "mein", "our": "unser"}
NUMERALS = {"two": "zwei", "three": "drei"}
CONTRACTED = {"in dem": "im", "an dem": "am", "bei dem": "beim"}


@dataclass(frozen=True)
class Said:
    """A piece in both languages, with the pairs of words that were put together in it."""

    en: str
    de: str
    pairs: Pairs = frozenset()


@dataclass(frozen=True)
class Noun:
    """A noun in all forms that are needed."""

    en: tuple[str, str]
    pronoun: str
    gender: str
    de: tuple[str, str]
    oblique: str

    def german(self, case: int, *, plural: bool) -> str:
        if plural:
            return self.de[1] + ("n" if case == DATIVE and self.de[1][-1] not in "ns" else "")
        return self.oblique if case != NOMINATIVE else self.de[0]


@dataclass(frozen=True)
class Phrase:
    """A noun with its article: a subject or an object."""

    said: Said
    noun: Noun
    plural: bool
    definite: bool

    @property
    def pronouns(self) -> tuple[str, str]:
        return ("they", "sie") if self.plural else (self.noun.pronoun, SUBJECT_PRONOUN[self.noun.gender])


@dataclass(frozen=True)
class Verb:
    """A verb in all forms that are needed; `prefix` leaves it in main clauses."""

    en: tuple[str, str, str, str]
    infinitive: str
    third: str
    participle: str
    prefix: str
    objects: tuple[str, ...]

    def english(self, *, plural: bool) -> str:
        return self.en[0 if plural else 1]

    def finite(self, *, plural: bool) -> str:
        return self.infinitive if plural else self.third


def pair(text: str) -> tuple[str, str]:
    en, de = (side.strip() for side in text.split("="))
    return en, de


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def noun(line: str) -> Noun:
    en, de = (words(side) for side in pair(line))
    article, singular = de[0].split(" ")
    pronoun, oblique = en[2] if len(en) > 2 else "it", de[2] if len(de) > 2 else singular
    return Noun((en[0], en[1]), pronoun, GENDER[article], (singular, de[1]), oblique)


def verb(line: str) -> Verb:
    forms, _, objects = line.partition(":")
    en, de = (words(side) for side in pair(forms))
    prefix, _, infinitive = de[0].rpartition("|")
    return Verb(tuple(en), infinitive, de[1], de[2], prefix, tuple(objects.split()))  # type: ignore[arg-type]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def german(one: Noun, article: str, quality: Quality | None, case: int, *, plural: bool) -> str:
    """The phrase in a case: what the article does not show, the adjective's ending does."""
    form = "pl" if plural else one.gender
    if article == "the":
        before, endings = THE[form][case], WEAK
    elif article == "this":
        before, endings = "dies" + STRONG[form][case], WEAK
    elif article in EIN_WORDS:
        ending = AFTER_EIN[form][case]
        before, endings = EIN_WORDS[article] + ending, WEAK if ending else STRONG
    else:
        before, endings = NUMERALS.get(article, ""), STRONG
    adjective = quality[1] + endings[form][case] if quality else ""
    return " ".join(filter(None, (before, adjective, one.german(case, plural=plural))))


def english(one: Noun, article: str, quality: tuple[str, str] | None, *, plural: bool) -> str:
    following = " ".join(filter(None, (quality[0] if quality else "", one.en[plural])))
    if article == "a":
        article = "an" if following[0] in "aeiou" else "a"
    return " ".join(filter(None, ("these" if article == "this" and plural else article, following)))


def be(who: Phrase) -> str:
    return "are" if who.plural else "is"


def is_(who: Phrase) -> str:
    return "sind" if who.plural else "ist"


def have(who: Phrase) -> str:
    return "haben" if who.plural else "hat"
