"""From what columns are called and hold to roles: one rule a kind of task, tried in order."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hf_suite.errors import ConfigError
from hf_suite.guessing.facts import Column

if TYPE_CHECKING:
    import pyarrow

Columns = Mapping[str, Column]

LABELS = (
    "label", "labels", "class", "category", "target", "sentiment", "rating", "stars", "score", "grade", "topic",
    "intent", "emotion", "polarity", "stance", "similarity", "tag", "tags", "genre", "y",
)  # fmt: skip
TEXTS = (
    "text", "review", "sentence", "content", "comment", "body", "tweet", "message", "post", "document", "utterance",
    "description", "abstract", "article", "input", "question", "query", "title", "headline", "subject",
)  # fmt: skip
NOT_ROLES = ("id", "idx", "index", "uid", "uuid", "guid", "row", "no", "number", "unnamed", "url", "file", "filename")
PAIRS = (
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("question1", "question2"),
    ("text1", "text2"), ("text_a", "text_b"), ("first", "second"), ("question", "sentence"), ("question", "answer"),
    ("query", "passage"), ("query", "document"), ("text", "text_pair"), ("claim", "evidence"), ("source", "target"),
)  # fmt: skip
SUMMARIES = ("summary", "highlights", "abstract", "subject", "subject_line", "headline", "title", "tldr")
_CODES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "dutch": "nl", "polish": "pl", "russian": "ru", "chinese": "zh", "japanese": "ja", "korean": "ko",
    "arabic": "ar", "turkish": "tr", "czech": "cs", "swedish": "sv", "finnish": "fi", "romanian": "ro",
    "deutsch": "de", "français": "fr", "español": "es", "italiano": "it",
}  # fmt: skip
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko", "ar", "tr", "cs", "sv", "fi", "ro")


class Ambiguous(ConfigError):
    """More than one column could play a role; `key` is the one to say, `choices` what it may be."""

    def __init__(self, place: str, finding: str, key: str, choices: Sequence[str]) -> None:
        said = f"say {key}={choices[0]}" + (f" or {key}={choices[1]}" if len(choices) == 2 else "")
        super().__init__(place, finding, said if len(choices) <= 2 else f"{said}, or another of {', '.join(choices)}")
        self.key, self.choices = key, tuple(choices)


@dataclass(frozen=True)
class Found:
    """What a rule makes of a table: the fields of a task, and a reason for each column and key."""

    facts: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What is odd and yet goes."""


@dataclass(frozen=True)
class Asked:
    """A table and what the user has said of it."""

    place: str
    table: "pyarrow.Table"
    columns: Columns
    said: Mapping[str, Any]
    """Fields of a task that are settled already."""
    names: Mapping[str, list[str]]
    """Column -> the names of its label ids, where the data carry them."""

    def role(self, name: str) -> str | None:
        """The column that the user named for a role."""
        found = self.said.get("columns", {}).get(name)
        return str(found) if found is not None else None

    def named(self, names: Sequence[str]) -> list[Column]:
        """The columns that bear one of these names, the whole name before a part of it, in the names' order."""
        whole = [column for name in names for column in self.columns.values() if plain(column.name) == plain(name)]
        parts = [column for name in names for column in self.columns.values() if name in words(column.name)]
        return list({column.name: column for column in (*whole, *parts)}.values())


def plain(name: str) -> str:
    """A column's name for comparing: letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def words(name: str) -> list[str]:
    """`starRating` and `star_rating` as star, rating."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold())


def question_answering(asked: Asked) -> Found | None:
    """A question, a context and answers."""
    found = {}
    for role, names in (("question", ("question", "query")), ("context", ("context", "passage", "paragraph"))):
        columns = [column for column in asked.named(names) if column.sort == "text"]
        found[role] = asked.role(role) or (columns[0].name if columns else "")
    answers = [column for column in asked.named(("answers", "answer")) if column.sort in {"struct", "text", "list"}]
    found["answers"] = asked.role("answers") or (answers[0].name if answers else "")
    if not all(found.values()):
        return None
    notes = []
    for role in ("id", "title"):
        column = asked.columns.get(asked.role(role) or role)
        if column is None or column.sort not in {"text", "whole"}:
            continue
        if role == "id" and column.distinct < column.rows:
            notes.append(f"{asked.place}: values of {column.name!r} stand twice, so rows go by their number")
        else:
            found[role] = column.name
    facts = {"kind": "question_answering", "columns": found}
    reasons = {"kind": "a question, a context and answers", **dict.fromkeys(found, "its name")}
    return Found(facts, reasons, tuple(notes))


def classification(asked: Asked) -> Found | None:
    """A text or two, and one of few values, several of them or a number."""
    label, why = _label(asked)
    if label is None:
        return None
    texts, why_texts = _texts(asked, label)
    if not texts:
        return None
    column = asked.columns[label]
    columns = dict(zip(("text", "text_pair"), texts, strict=False)) | {"label": label}
    likely = "number" if _is_number(column) else "labels" if column.several else "label"
    made = _TARGETS.get(asked.said.get("target", likely), _one_label)
    kind, facts = made(column)
    reasons = {"kind": kind, "label": why} | dict(zip(("text", "text_pair"), why_texts, strict=False))
    return Found({"kind": "classification", "columns": columns, **facts}, reasons)


def _one_label(column: Column) -> tuple[str, dict[str, Any]]:
    facts = {"metrics": ["accuracy", "matthews_correlation"], "headline": "accuracy"}
    return f"{column.distinct:,} different values: classes", facts


def _several_labels(column: Column) -> tuple[str, dict[str, Any]]:
    between = {} if column.sort == "list" else {"separator": column.separator or ";"}
    how = f"texts with {between['separator']!r} between their parts" if between else "lists"
    metrics = {"metrics": ["multilabel_f1", "subset_accuracy", "map"], "headline": "micro_f1"}
    way = "; for one label a row say task.target=label" if between else ""
    return f"{how}: several labels a row{way}", {"target": "labels", **between, **metrics}


def _number(column: Column) -> tuple[str, dict[str, Any]]:
    facts = {"target": "number", "metrics": ["pearson", "spearmanr"], "headline": "pearson"}
    return f"{column.distinct:,} different numbers: a number is learnt, not classes", facts


_TARGETS = {"label": _one_label, "labels": _several_labels, "number": _number}
"""`task.target` -> a reason and the fields that go with it."""


def _is_number(column: Column) -> bool:
    """Fractions, or whole numbers of which there are too many for classes."""
    fractions = column.sort == "number" and any(value != int(value) for value in column.values)
    return fractions or (column.sort in {"number", "whole"} and column.distinct > 20)


def _label(asked: Asked) -> tuple[str | None, str]:
    said = asked.role("label")
    if said is not None:
        return said, "as said"
    texts = {asked.role("text"), asked.role("text_pair")}
    sorts = {"text", "whole", "number", "boolean", "list"}
    able = [
        column for column in asked.columns.values()
        if column.name not in texts and column.sort in sorts and not column.long and not _is_id(column)
    ]  # fmt: skip
    named = [column for column in asked.named(LABELS) if column in able]
    exact = [column for column in named if plain(column.name) in {"label", "labels"}]
    if exact or len(named) == 1:
        return (exact or named)[0].name, "its name"
    few = [column for column in able if column.few or column.several]
    found = [column for column in named if column in few] or named or few or list(filter(_is_number, able))
    if len(found) > 1:
        names = [column.name for column in found]
        raise Ambiguous(asked.place, f"{', '.join(names)} could each be the label", "task.columns.label", names)
    if found and found[0] in few:
        return found[0].name, f"the only column of few values ({found[0].distinct:,} in {found[0].filled:,} rows)"
    if found:
        return found[0].name, "the only column of numbers"
    called = [column for column in asked.named(LABELS) if plain(column.name) in LABELS and not column.long]
    return (called[0].name, "its name") if called else (None, "")


def _is_id(column: Column) -> bool:
    return plain(column.name) in NOT_ROLES or column.name.startswith("unnamed") or column.counts


def _texts(asked: Asked, label: str) -> tuple[list[str], list[str]]:
    """The column or two to read, and why."""
    said = asked.role("text")
    if said is not None:
        pair = asked.role("text_pair")
        return [said, *([pair] if pair is not None else [])], ["as said", "as said"]
    able = {
        column.name: column for column in asked.columns.values()
        if column.name != label and column.sort == "text" and not _is_id(column)
    }  # fmt: skip
    for pair_names in PAIRS:
        both = [next((name for name in able if plain(name) == plain(wanted)), "") for wanted in pair_names]
        if all(both):
            return both, ["its name, with the other", "its name, with the other"]
    long = [name for name, column in able.items() if column.long]
    if not able:
        return [column.name for column in asked.named(TEXTS) if column.name != label][:1], ["its name"]
    if len(long) <= 1:
        return (long or list(able)[:1]), ["the only column of longer texts" if long else "the only column of texts"]
    named = [column.name for column in asked.named(TEXTS) if column.name in long]
    exact = [name for name in named if plain(name) in {plain(text) for text in TEXTS[:11]}]
    if len(named) == 1 or len(exact) == 1:
        return (exact or named)[:1], ["its name, unlike the other texts"]
    if len(long) == 2:
        return long, ["the first of two columns of texts", "the second of two columns of texts"]
    raise Ambiguous(asked.place, f"{', '.join(long)} could each be the text", "task.columns.text", long)


def _written(kind: str, source: str, target: str) -> dict[str, Any]:
    """The fields of a task whose targets are texts."""
    metrics = {"translation": ["bleu", "chrf"], "summarization": ["rouge"], "text2text": ["chrf", "exact_match"]}
    headline = {"translation": "bleu", "summarization": "rougeL", "text2text": "chrf"}
    columns = {"source": source, "target": target}
    return {"kind": kind, "columns": columns, "metrics": metrics[kind], "headline": headline[kind]}


def _as_said(asked: Asked, kind: str) -> Found | None:
    """Source and target, where the user has named both; of text2text, where no kind is named beside them."""
    source, target = asked.role("source"), asked.role("target")
    if source is None or target is None or kind != asked.said.get("kind", "text2text"):
        return None
    reasons = {"kind": "a text to read and a text to write are named", "source": "as said", "target": "as said"}
    return Found(_written(kind, source, target), reasons)


def translation(asked: Asked) -> Found | None:
    """A struct or two columns whose names are languages."""
    for column in asked.columns.values():
        spoken = [name for name in column.fields if _code(name) is not None]
        if column.sort == "struct" and len(spoken) == 2:
            return _translated(f"{column.name}.{spoken[0]}", f"{column.name}.{spoken[1]}", spoken)
    spoken = [name for name, column in asked.columns.items() if _code(name) is not None and column.sort == "text"]
    return _translated(spoken[0], spoken[1], spoken) if len(spoken) == 2 else _as_said(asked, "translation")


def _code(name: str) -> str | None:
    """The language that a column is named as: `de` of `de` or `German`."""
    plain_name = name.casefold()
    return plain_name if plain_name in LANGUAGES else _CODES.get(plain_name)


def _translated(source: str, target: str, languages: Sequence[str]) -> Found:
    why = f"{languages[0]!r} is a language", f"{languages[1]!r} is a language"
    spoken = {"source": _code(languages[0]), "target": _code(languages[1])}
    facts = {**_written("translation", source, target), "languages": spoken}
    return Found(facts, {"kind": "two texts named as languages", "source": why[0], "target": why[1]})


def summarization(asked: Asked) -> Found | None:
    """A text and a much shorter one that is named as its summary."""
    summaries = [column for column in asked.named(SUMMARIES) if column.sort == "text" and column.long]
    for summary in summaries:
        others = [column for column in asked.columns.values() if column.sort == "text" and column is not summary]
        longest = max(others, key=lambda column: column.words, default=None)
        if longest is not None and longest.words > 2 * summary.words and longest.distinct * 2 > longest.rows:
            facts = _written("summarization", longest.name, summary.name)
            why = f"its texts are longest ({longest.words:.0f} words)"
            return Found(facts, {"kind": "a text and a shorter one", "source": why, "target": "its name"})
    return _as_said(asked, "summarization")


def text2text(asked: Asked) -> Found | None:
    """A prompt and its completion."""
    for prompt, completion in (("prompt", "completion"), ("instruction", "output"), ("prompt", "response")):
        if {prompt, completion} <= asked.columns.keys():
            facts = _written("text2text", prompt, completion)
            return Found(facts, {"kind": "a prompt and what follows it", "source": "its name", "target": "its name"})
    return _as_said(asked, "text2text")


def language_modeling(asked: Asked) -> Found | None:
    """Texts alone, where that is said, or is known of the file: any table of texts has a text."""
    if asked.said.get("kind") != "language_modeling":
        return None
    texts = [column for column in asked.columns.values() if column.sort == "text"]
    named = [column for column in asked.named(TEXTS) if column in texts]
    name = asked.role("text") or next((column.name for column in (*named, *texts)), None)
    if name is None:
        return None
    facts = {
        "kind": "language_modeling",
        "columns": {"text": name},
        "metrics": ["bits_per_byte", "loss", "perplexity", "word_perplexity"],
        "headline": "bits_per_byte",
    }
    return Found(facts, {"kind": "as said", "text": "as said" if asked.role("text") else "its texts"})


ROLES = dict.fromkeys(("translation", "summarization", "text2text"), ("source", "target")) | {
    "question_answering": ("question", "context", "answers"),
    "classification": ("text", "label"),
    "language_modeling": ("text",),
}
"""Kind -> the roles without which there is no such task."""


RULES: dict[str, Callable[[Asked], Found | None]] = {
    "question_answering": question_answering,
    "translation": translation,
    "summarization": summarization,
    "text2text": text2text,
    "classification": classification,
    "language_modeling": language_modeling,
}
"""Kind -> what it would make of a table; the first that finds its columns wins."""
