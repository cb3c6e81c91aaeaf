"""check(): data -> what the doctor finds in them; brings him the rows, and the lengths of a model's tokenizer."""

from collections.abc import Sequence

from hf_suite import data, doctor
from hf_suite.doctor import Part, Report, Subject
from hf_suite.errors import MissingData
from hf_suite.spec import TaskSpec


def check(
    spec: TaskSpec, *, word: str, mirrors: Sequence[str] = (), notes: Sequence[str] = (), only: Sequence[str] = ()
) -> Report:
    """What is wrong with a task's rows, all splits that are at hand; `word` is how a command names them.

    Raises MissingData where no split is at hand, DataError.
    """
    return doctor.examine(subject(spec, word=word, mirrors=mirrors, notes=notes), only or tuple(doctor.CHECKS))


def subject(spec: TaskSpec, *, word: str, mirrors: Sequence[str] = (), notes: Sequence[str] = ()) -> Subject:
    """A task's rows as the doctor takes them, train first. Raises MissingData, DataError."""
    source = spec.source
    names = [source.train, *source.eval, *source.files, source.test]
    parts: list[Part] = []
    missing: list[MissingData] = []
    for name in dict.fromkeys(name for name in names if name is not None):
        try:
            parts.append(Part(name, *data.as_written(spec, name, mirrors=mirrors)))
        except MissingData as error:
            missing.append(error)
    if not parts:
        raise missing[0]
    absent = [f"{error.place}: {error.finding}" for error in missing]
    return Subject(word, spec, tuple(parts), notes=(*notes, *absent))
