"""From what columns are called and hold to roles: one rule a kind of task, tried in order."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from hf_suite.guessing import several_columns
from hf_suite.guessing.asked import Ambiguous, Asked, Found
from hf_suite.guessing.facts import Column, plain

LABELS = (
    "label", "labels", "class", "category", "target", "sentiment", "rating", "stars", "score", "grade", "topic",
    "intent", "emotion", "polarity", "stance", "similarity", "tag", "tags", "genre", "y",
)  # fmt: skip
TEXTS = (
    "text", "review", "sentence", "content", "comment", "body", "tweet", "message", "post", "document", "utterance",
    "description", "abstract", "article", "input", "question", "query", "title", "headline", "subject",
)  # fmt: skip
PAIRS = (
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("question1", "question2"),
    ("text1", "text2"), ("text_a", "text_b"), ("first", "second"), ("question", "sentence"), ("question", "answer"),
    ("query", "passage"), ("query", "document"), ("text", "text_pair"), ("claim", "evidence"), ("source", "target"),
)  # fmt: skip
SUMMARIES = ("summary", "highlights", "abstract", "subject", "subject_line", "headline", "title", "tldr")
_TITLES = ("subject", "subjectline", "headline", "title")
_CODES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "dutch": "nl", "polish": "pl", "russian": "ru", "chinese": "zh", "japanese": "ja", "korean": "ko",
    "arabic": "ar", "turkish": "tr", "czech": "cs", "swedish": "sv", "finnish": "fi", "romanian": "ro",
    "deutsch": "de", "français": "fr", "español": "es", "italiano": "it",
}  # fmt: skip
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko", "ar", "tr", "cs", "sv", "fi", "ro")


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
    labels, why = _label(asked)
    texts, why_texts = _texts(asked, labels) if labels else ([], [])
    if not texts:
        return None
    roles = dict(zip(("text", "text_pair"), texts, strict=False))
    reasons = {"label": why} | dict(zip(roles, why_texts, strict=False))
    if len(labels) > 1:
        target, reason, each, notes = several_columns.read(asked, labels)
        facts = {"columns": {**roles, "label": labels}, **LEARNT.get(target, {})}
        return Found({"kind": "classification", **facts}, {"kind": reason, **reasons, **each}, notes)
    column = asked.columns[labels[0]]
    likely = "number" if _is_number(column) else "labels" if column.several else "label"
    target = asked.said.get("target", likely)
    reason, facts = _TARGETS.get(target, _one_label)(column)
    facts = {"columns": {**roles, "label": column.name}, **LEARNT.get(target, {}), **facts}
    odd = (
        f"{asked.place}: {column.name!r} names a column and is a label, too; if the first line is a row, give it names"
    )
    notes = (odd,) if column.name in column.values else ()
    return Found({"kind": "classification", **facts}, {"kind": reason, **reasons}, notes)


LEARNT: dict[str, dict[str, Any]] = {
    "label": {"metrics": ["accuracy", "matthews_correlation"], "headline": "accuracy"},
    "labels": {
        "target": "labels",
        "metrics": ["multilabel_f1", "subset_accuracy", "map"],
        "headline": "micro_f1",
    },
    "number": {"target": "number", "metrics": ["pearson", "spearmanr"], "headline": "pearson"},
}
"""`task.target` -> the fields that go with it."""


def _one_label(column: Column) -> tuple[str, dict[str, Any]]:
    return f"{column.distinct:,} different values: classes", {}


def _several_labels(column: Column) -> tuple[str, dict[str, Any]]:
    between = {} if column.lists or column.listed else {"separator": column.separator or ";"}
    how = f"texts with {between['separator']!r} between their parts" if between else "lists"
    way = "; for one label a row say task.target=label" if between else ""
    return f"{how}: several labels a row{way}", between


def _number(column: Column) -> tuple[str, dict[str, Any]]:
    return f"{column.distinct:,} different numbers: a number is learnt, not classes", {}


_TARGETS = {"label": _one_label, "labels": _several_labels, "number": _number}
"""`task.target` -> a reason, and what else is found in the column."""


def _is_number(column: Column) -> bool:
    """Fractions, or whole numbers of which there are too many for classes."""
    fractions = column.sort == "number" and any(value != int(value) for value in column.values)
    return fractions or column.numerals or (column.sort in {"number", "whole"} and column.distinct > 20)


def _label(asked: Asked) -> tuple[list[str], str]:
    """The column of labels, or the columns that have one each, and why; none where there is none."""
    said = asked.several("label")
    if said:
        return said, "as said"
    texts = {asked.role("text"), asked.role("text_pair")}
    sorts = {"text", "whole", "number", "boolean", "list"}
    able = [
        column for column in asked.columns.values()
        if column.name not in texts and column.sort in sorts and not column.long
        and (not column.is_id or column in asked.named(LABELS))
    ]  # fmt: skip
    each = several_columns.find(able)
    named = [
        column for column in asked.named(LABELS)
        if column in able and (column not in each or plain(column.name) in LABELS)
    ]  # fmt: skip
    exact = [column for column in named if plain(column.name) in {"label", "labels"}]
    if exact or len(named) == 1:
        return [(exact or named)[0].name], "its name"
    few = [column for column in able if (column.few or column.several) and column not in each]
    found = [column for column in named if column in few] or named
    if each and not found and not few:
        return [column.name for column in each], f"{len(each)} columns of 0 and 1"
    found = found or few or list(filter(_is_number, able))
    if len(found) > 1 or (each and found != named):
        names, together = [column.name for column in found], [column.name for column in each]
        finding = f"{', '.join([*names, *filter(None, [' and '.join(together)])])} could each be the label"
        raise Ambiguous(asked.place, finding, "task.columns.label", names, together)
    if found and found[0] in few:
        return [found[0].name], _few(asked, found[0])
    if found:
        return [found[0].name], "the only column of numbers"
    called = [column for column in asked.named(LABELS) if plain(column.name) in LABELS and not column.long]
    return ([called[0].name], "its name") if called else ([], "")


def _few(asked: Asked, column: Column) -> str:
    if not column.several:
        return f"the only column of few values ({column.distinct:,} in {column.filled:,} rows)"
    labels = asked.labels(column, column.separator)
    return f"the only column of several labels a row ({len(labels):,} labels in {column.filled:,} rows)"


def _texts(asked: Asked, labels: Collection[str]) -> tuple[list[str], list[str]]:
    """The column or two to read, and why."""
    said = asked.role("text")
    if said is not None:
        pair = asked.role("text_pair")
        return [said, *([pair] if pair is not None else [])], ["as said", "as said"]
    able = {
        column.name: column for column in asked.columns.values()
        if column.name not in labels and column.sort == "text" and not column.is_id
    }  # fmt: skip
    for pair_names in PAIRS:
        both = [next((name for name in able if plain(name) == plain(wanted)), "") for wanted in pair_names]
        if all(both):
            return both, ["its name, with the other", "its name, with the other"]
    long = [name for name, column in able.items() if column.long]
    if not able:
        return [column.name for column in asked.named(TEXTS) if column.name not in labels][:1], ["its name"]
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
    if asked.said.get("kind") is None and any(plain(one.name) in LABELS and one.few for one in asked.columns.values()):
        summaries = [
            column for column in summaries if plain(column.name) not in _TITLES
        ]  # a class is learnt before a title
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
