"""Translation: a text in one language gets its text in another. Says nothing of how a model is told the languages."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from hf_suite.errors import ConfigError
from hf_suite.kinds.base import Row
from hf_suite.kinds.writing import Writing
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

_NAMES = {
    "ar": "Arabic",
    "cs": "Czech",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fi": "Finnish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lv": "Latvian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}
"""What a prompt calls a language; any other goes by its code."""


class Translation(Writing):
    """Its baseline is the source itself: what two languages share, names and numbers, is worth some points."""

    baseline_name: ClassVar[str] = "copied source"

    def check(self, spec: TaskSpec) -> None:
        """Both languages must be named. Raises ConfigError."""
        for side in ("source", "target"):
            if side not in spec.languages:
                remedy = "write languages: {source: en, target: de}"
                raise ConfigError(f"{spec.name}.languages", f"the {side} language is missing", remedy)

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, str]:
        """The source."""
        return {row["row"]: row["source"] for row in rows}

    def wording(self, spec: TaskSpec) -> str:
        """Each language by its name, then the source after it."""
        source, target = (_NAMES.get(spec.languages[side], spec.languages[side]) for side in ("source", "target"))
        return f"Translate from {source} to {target}.\n{source}: {{source}}\n{target}:"
