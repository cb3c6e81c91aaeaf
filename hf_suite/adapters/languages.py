"""Languages and prefixes: how a checkpoint is told which language it reads and writes, or which task it does."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hf_suite import schema
from hf_suite.errors import ConfigError

# ISO 639-1 -> 639-3, for checkpoints whose codes have three letters (NLLB). Others are said in the checkpoint's own.
_THREE = {
    "ar": "arb", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng",
    "es": "spa", "et": "est", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun",
    "id": "ind", "is": "isl", "it": "ita", "ja": "jpn", "ko": "kor", "lt": "lit", "nl": "nld", "no": "nob", "pl": "pol",
    "pt": "por", "ro": "ron", "ru": "rus", "sk": "slk", "sl": "slv", "sr": "srp", "sv": "swe", "sw": "swh", "ta": "tam",
    "th": "tha", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "zho",
}  # fmt: skip
_CODE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]+")  # en_XX, eng_Latn


def codes(tokenizer: Any) -> tuple[str, ...]:
    """The codes by which a tokenizer is told its two languages; none where it knows no languages."""
    if not hasattr(tokenizer, "src_lang"):
        return ()
    known = getattr(tokenizer, "lang_code_to_id", None)
    if known is not None:
        return tuple(known)
    return tuple(token for token in tokenizer.get_vocab() if _CODE.fullmatch(token))


def marks(tokenizer: Any) -> tuple[str, ...]:
    """The marks `>>xx<<` by which a Marian checkpoint of several target languages is told which to write."""
    return tuple(getattr(tokenizer, "supported_language_codes", None) or ())


def mark(tokenizer: Any) -> int | None:
    """The token of the language that a tokenizer was turned to write; None where it knows no languages."""
    spoken = getattr(tokenizer, "tgt_lang", None) if codes(tokenizer) else None
    if spoken is None:
        return None
    to_id = getattr(tokenizer, "get_lang_id", tokenizer.convert_tokens_to_ids)
    return int(to_id(spoken))


def spoken(
    tokenizer: Any, said: Mapping[Any, str], named: Mapping[Any, str], *, name: str
) -> tuple[dict[str, str], str | None]:
    """The checkpoint's codes for source and target, or the mark that stands before each source; neither where it knows
    no languages.

    By what is `said` in its own words, else by the languages that the task names. Raises ConfigError.
    """
    known, before = codes(tokenizer), marks(tokenizer)

    def found(side: Literal["source", "target"], of: Sequence[str]) -> str:
        return code(said.get(side), named.get(side), of, key=f"languages.{side}", name=name)

    if known:
        return {"source": found("source", known), "target": found("target", known)}, None
    if before:
        return {}, found("target", before)
    if said:
        raise ConfigError("languages", f"{name}'s tokenizer knows none", "take the key out")
    return {}, None


def speak(tokenizer: Any, spoken: Mapping[Any, str]) -> None:
    """Turns a tokenizer that knows languages to these two."""
    if spoken and codes(tokenizer):
        tokenizer.src_lang, tokenizer.tgt_lang = spoken["source"], spoken["target"]


def begin(tokenizer: Any, spoken: Mapping[str, str]) -> dict[str, int]:
    """How the target's language is told: the first token that is written, or the one that the decoder begins with."""
    if not spoken:
        return {}
    to_id = getattr(tokenizer, "get_lang_id", tokenizer.convert_tokens_to_ids)
    mark, ids = to_id(spoken["target"]), tokenizer(text_target="a")["input_ids"]
    return {"forced_bos_token_id": mark} if ids[0] == mark else {"decoder_start_token_id": mark}


def uncoded(ids: Sequence[int], code: int | None) -> list[int]:
    """The tokens of a text without the language's code before it, which not every tokenizer holds for special."""
    return list(ids[1:] if code is not None and ids[:1] == [code] else ids)


def code(said: str | None, task: str | None, known: Sequence[str], *, key: str, name: str) -> str:
    """The checkpoint's code: the one that is said, else the one that goes with the task's language.

    Raises ConfigError where there is none, or several; the nearest or all codes are named.
    """
    listed = ", ".join(sorted(known))
    if said is None and task is None:
        raise ConfigError(key, f"{name} must be told its language", f"say one of: {listed}")
    word = said if said is not None else str(task)
    fitting = _fitting(word, known) if said is None else [one for one in known if _bare(one) == _bare(said)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(key, f"{word!r} may be {', '.join(sorted(fitting))}", f"say {key}={sorted(fitting)[0]}")
    hint = schema.nearest(word, [_bare(one) for one in known])
    raise ConfigError(key, f"{name} knows no language {word!r}", f"{hint}it knows: {listed}")


def prefixes(model_config: Any) -> dict[str, str]:
    """Task -> what a checkpoint was taught to read before it (T5: `translation_en_to_de`), by its own config."""
    taught = getattr(model_config, "task_specific_params", None) or {}
    return {task: facts["prefix"] for task, facts in taught.items() if isinstance(facts, Mapping) and "prefix" in facts}


def wording(
    said: str | None, own: str, taught: Mapping[str, str], *, task: str, name: str, as_it_is: bool
) -> tuple[str, list[str]]:
    """How a row is put to the checkpoint, and a sentence on it. Raises ConfigError for what it was never taught.

    That is what is said, else the prefix that it was taught for the task, else the kind's `own` words. A checkpoint
    that is finetuned may learn any; one that answers as it is knows those that it was taught.
    """
    listed = ", ".join(repr(text) for text in taught.values())
    if said is not None:
        if as_it_is and taught and not said.startswith(tuple(taught.values())):
            hint = schema.nearest(said, [f"{text}{own}" for text in taught.values()])
            raise ConfigError("prompt", f"{name} was not taught {said!r}", f"{hint}it was taught: {listed}")
        return said, []
    if task in taught:
        return f"{taught[task]}{own}", [f"prompt: {taught[task]!r} before each source, as the checkpoint was taught"]
    if taught and as_it_is:
        remedy = f"begin prompt with one of: {listed}"
        raise ConfigError("prompt", f"{name} was taught none for {task}", remedy)
    return own, [f"prompt: {own!r}, since the checkpoint was taught none for {task}"] if taught else []


def script(text: str) -> str | None:
    """The writing system of most letters, by the first word of their Unicode names (LATIN, CJK); None without any."""
    letters = Counter(unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha())
    return letters.most_common(1)[0][0] if letters else None


def _fitting(language: str, known: Sequence[str]) -> list[str]:
    """The codes that may stand for a language, the exact one alone where it is there."""
    exact = [one for one in known if _bare(one) == language]
    words = {language, _THREE.get(language, language)}
    return exact or [one for one in known if _bare(one).split("_")[0] in words]


def _bare(one: str) -> str:
    return one.removeprefix(">>").removesuffix("<<")
