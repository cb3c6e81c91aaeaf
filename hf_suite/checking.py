"""check(): data -> what the doctor finds in them; brings him the rows, and what a model's tokenizer makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy

from hf_suite import data, doctor
from hf_suite.doctor import Lengths, Part, Report, Subject
from hf_suite.errors import ConfigError, MissingData
from hf_suite.spec import TaskSpec

_BLOCK = 1_000


def check(
    spec: TaskSpec,
    *,
    word: str,
    mirrors: Sequence[str] = (),
    notes: Sequence[str] = (),
    only: Sequence[str] = (),
    model: str | None = None,
    max_length: int | None = None,
) -> Report:
    """What is wrong with a task's rows, all splits that are at hand; `word` is how a command names them.

    `model` names a checkpoint whose tokenizer tells lengths. Raises MissingData where no split is at hand, DataError,
    ModelError.
    """
    found = subject(spec, word=word, mirrors=mirrors, notes=notes)
    if model is not None:
        found = replace(found, lengths=_lengths(found, model, max_length, mirrors))
    return doctor.examine(found, only or tuple(doctor.CHECKS))


def subject(
    spec: TaskSpec,
    *,
    word: str,
    mirrors: Sequence[str] = (),
    notes: Sequence[str] = (),
    to_the_letter: bool = False,
) -> Subject:
    """A task's rows as the doctor takes them, train first; `to_the_letter` where they are to be written again.

    Raises MissingData, DataError, ConfigError for no rows.
    """
    if spec.document == "split":
        finding = "is one running text, which has no rows to look through"
        raise ConfigError(word, finding, "say task.document=row to take each line for one")
    source = spec.source
    names = [source.train, *source.eval, *source.files, source.test]
    parts: list[Part] = []
    missing: list[MissingData] = []
    for name in dict.fromkeys(name for name in names if name is not None):
        try:
            parts.append(Part(name, *data.as_written(spec, name, mirrors=mirrors, to_the_letter=to_the_letter)))
        except MissingData as error:
            missing.append(error)
    if not parts:
        raise missing[0]
    absent = [f"{error.place}: {error.finding}" for error in missing]
    return Subject(word, spec, tuple(parts), notes=(*notes, *absent))


def _lengths(subject: Subject, model: str, max_length: int | None, mirrors: Sequence[str]) -> Lengths:
    """Tokens of each row by the tokenizer of a checkpoint."""
    from hf_suite import models
    from hf_suite.adapters import adapter_class, own_protocol
    from hf_suite.config import ModelConfig

    located = models.locate(ModelConfig(id=model), tuple(mirrors))
    tokenizer, _ = models.load_tokenizer(located)
    counts = {part.name: _counted(part, subject.inputs, tokenizer) for part in subject.parts}
    model_config = models.load_config(located)
    usual = adapter_class(subject.spec.kind, own_protocol(subject.spec.kind), model_config).default_length
    positions = models.positions(model_config) or usual
    return Lengths(
        located.name,
        max_length or min(usual, positions),
        {split: numpy.array([tokens for tokens, _ in found]) for split, found in counts.items()},
        {split: numpy.array([unknown for _, unknown in found]) for split, found in counts.items()},
        windows="context" in subject.spec.columns,
    )


def _counted(part: Part, roles: tuple[str, ...], tokenizer: Any) -> list[tuple[int, int]]:
    """Tokens of each row, and those that stand for anything unknown; a pair is read together."""
    found: list[tuple[int, int]] = []
    rows = list(part.rows(roles))
    for start in range(0, len(rows), _BLOCK):
        texts = [list(column) for column in zip(*rows[start : start + _BLOCK], strict=True)]
        ids = tokenizer(*texts[:2])["input_ids"]
        found += [(len(one), one.count(tokenizer.unk_token_id)) for one in ids]
    return found
