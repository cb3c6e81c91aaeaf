"""export(): a finished run -> a plain transformers folder, proven to answer as the run does. Trains nothing."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from hf_suite import card, models, scoring, split
from hf_suite.adapters import Adapter
from hf_suite.answering import answer
from hf_suite.errors import RunError
from hf_suite.evaluation import references
from hf_suite.finished import opened
from hf_suite.folders import check_writable
from hf_suite.kinds import KINDS, Evidence
from hf_suite.metrics.base import RowId
from hf_suite.parity import Parity, difference, largest, said
from hf_suite.record import read_result, sync, sync_all, write_json
from hf_suite.resolve import CARRIED
from hf_suite.session import Session
from hf_suite.spec import Scale

PARITY = "parity.json"
_ROWS = 256  # of each eval split
_BATCH = 32
_PLAIN = Scale(mean=0.0, sd=1.0)

_Found = dict[str, dict[RowId, Evidence]]


def export(run: str | Path, folder: str | Path, *, base: str | None = None, mirrors: tuple[str, ...] = ()) -> Parity:
    """Writes a finished run's model as transformers keeps models, so that it needs neither PEFT nor this suite.

    LoRA is merged in fp32; a number's scale goes into the last layer. Run and export answer the same rows of the run's
    eval splits (the first 256 of each, in fp32), and the folder stands only if they agree. `base` says where the base
    checkpoint lies now. Raises SuiteError; then nothing is left behind.
    """
    final = Path(folder)
    _check_place(final)
    session = opened(run, over={"precision": "fp32"}, base=base, mirrors=mirrors, with_rows=True)
    result = read_result(Path(run)) if (Path(run) / "result.json").is_file() else None
    rows = {name: _first(session, part.rows) for name, part in session.parts.eval.items()}
    before = _evidence(session, session.model, session.adapter, rows)
    temporary = final.absolute().with_name(f".{final.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write(session, temporary, run=result.id if result is not None else None)
        parity = _compared(session, before, _reopened(session, temporary, rows))
        parity.check(str(final))
        write_json(temporary / PARITY, parity.as_json())
        text = card.card(final.absolute().name, session, result, parity)
        (temporary / "README.md").write_text(text, "utf-8")
        sync_all(temporary)
        temporary.rename(final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(final.absolute().parent)
    return parity


def _check_place(folder: Path) -> None:
    """Refuses a folder that is there already, or cannot be. Raises RunError."""
    if folder.exists():
        raise RunError(str(folder), "is there already", "give a folder that is not, or remove it first")
    check_writable(folder)


def _first(session: Session, rows: Dataset) -> Dataset:
    return rows.select(split.first(len(rows), min(_ROWS, len(rows)), session.spec.name))


def _write(session: Session, folder: Path, *, run: str | None) -> None:
    model = models.merged(session.model, str(session.folder))
    scale = session.spec.scale
    if scale not in (None, _PLAIN):
        models.rescale(model, mean=scale.mean, sd=scale.sd, place=str(session.folder))
    model.config.update({CARRIED: {"task": session.spec.name, "run": run, "fitted": session.fitted}})
    session.tokenizer.model_max_length = session.config.max_length
    models.write_plain(model, session.tokenizer, folder)


def _reopened(session: Session, folder: Path, rows: Mapping[str, Dataset]) -> _Found:
    """What the folder answers, opened by transformers alone."""
    try:
        model, tokenizer = models.read_plain(folder, session.resolved.cls)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise RunError(str(session.folder), f"transformers cannot open its export ({reason})", "report this") from error
    spec = session.spec
    if spec.scale is not None:
        spec = spec.model_copy(update={"scale": _PLAIN})
    adapter = type(session.adapter)(spec, session.config, tokenizer)
    return _evidence(session, model.to(session.accelerator.device), adapter, rows)


def _evidence(session: Session, model: Any, adapter: Adapter, rows: Mapping[str, Dataset]) -> _Found:
    return {
        name: dict(answer(model, adapter, part, accelerator=session.accelerator, batch_size=_BATCH))
        for name, part in rows.items()
    }


def _compared(session: Session, before: _Found, after: _Found) -> Parity:
    answers, others = _answers(session, before), _answers(session, after)
    pairs = ((one, others[name][row]) for name, found in answers.items() for row, one in found.items())
    return Parity(
        rows={name: len(found) for name, found in before.items()},
        largest_difference=difference(before, after),
        largest_output=largest(before),
        before=_scores(session, before, answers),
        after=_scores(session, after, others),
        changed=sum(said(one) != said(other) for one, other in pairs),
    )


def _answers(session: Session, found: _Found) -> dict[str, dict[RowId, Any]]:
    kind, spec = KINDS[session.spec.kind], session.spec
    return {
        name: {row: kind.decide(one, session.fitted, spec) for row, one in evidence.items()}
        for name, evidence in found.items()
    }


def _scores(
    session: Session, found: _Found, answers: Mapping[str, Mapping[RowId, Any]]
) -> dict[str, dict[str, float | None]]:
    out = {}
    for name, evidence in found.items():
        every = references(session, session.parts.eval[name])
        gold = {row: every[row] for row in evidence}
        out[name] = scoring.score(session.spec, answers[name], gold, evidence=evidence)
    return out
