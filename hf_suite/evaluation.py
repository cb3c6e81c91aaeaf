"""From a model to scores: evidence, what is fitted on tune, answers, scores and baseline. Trains nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hf_suite import bag_of_words, data, scoring
from hf_suite.answering import answer
from hf_suite.config import TrainConfig
from hf_suite.data import Split
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS, Evidence, read_roles
from hf_suite.kinds.calibration import HEAT, LEAST
from hf_suite.metrics.base import RowId
from hf_suite.parts import Parts
from hf_suite.record import Scores
from hf_suite.session import Progress, Session
from hf_suite.spec import TaskSpec

_BATCH = 32
_SHOWN = 120  # characters of each text


@dataclass(frozen=True)
class Evaluation:
    """What was found on the eval splits."""

    scores: Scores
    baseline: Scores
    fitted: dict[str, float]
    counts: dict[str, dict[str, float]]
    """Split -> what was noticed: truncated rows, near ties, empty answers, gold answers that no span can give."""
    signatures: dict[str, str]
    """Metric -> what exactly made its numbers, on the first eval split."""
    answers: dict[str, dict[RowId, Any]]
    references: dict[str, dict[RowId, Any]]
    bag_of_words: Scores = field(default_factory=dict)
    """The scores of what learnt from the train rows' words alone."""
    unleaked: Scores = field(default_factory=dict)
    """The scores on the rows whose texts do not stand in train, of splits where others do."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    """For answers.parquet."""


@dataclass(frozen=True)
class Choice:
    """The number that chooses the weights, on the rows that choose."""

    split: str
    number: str
    score: float | None
    lower_is_better: bool

    def better_than(self, other: float) -> bool:
        """Whether this epoch beats that score; an equal one does not."""
        return self.score is not None and (self.score < other if self.lower_is_better else self.score > other)


def evaluate(session: Session) -> Evaluation:
    """Answers and scores every eval split, after fitting on tune what the kind fits."""
    kind, spec, tune = KINDS[session.spec.kind], session.spec, session.parts.tune
    protocol = session.config.protocol
    if tune is not None and (kind.fits(spec, protocol) or kind.gains(spec, protocol)):
        evidence = _evidence(session, tune)
        session.fitted = kind.fit(evidence, references(session, tune), spec)
        if kind.gains(spec, protocol) and HEAT not in session.fitted:
            few = f"a temperature takes {LEAST} tune rows, and there are {len(tune.rows)}"
            why = few if len(tune.rows) < LEAST else "all tune rows are answered rightly, which tells no temperature"
            session.happened(f"confidence is as the model gives it: {why}")
    found = Evaluation({}, {}, session.fitted, {}, {}, {}, {})
    for name, split in session.parts.eval.items():
        _evaluate_split(session, name, split, found)
    return found


def by_words(session: Session, found: Evaluation) -> None:
    """Scores what logistic regression makes of the same rows, and keeps it with each; once for all processes."""
    train, spec, begun = session.parts.train, session.spec, time.perf_counter()
    if train is None or not session.is_main or not found.scores:
        return
    learnt = bag_of_words.learnt(spec, train.rows)
    if learnt is None:
        return
    for name, split in session.parts.eval.items():
        evidence, gold = learnt.evidence(split.rows), found.references[name]
        answers = {row: KINDS[spec.kind].decide(one, {}, spec) for row, one in evidence.items()}
        found.bag_of_words[name] = scoring.score(spec, answers, gold, evidence=evidence)
        for line in (line for line in found.lines if line["split"] == name):
            line["words"] = evidence[line["row"]]
    session.seconds["bag_of_words"] = time.perf_counter() - begun
    if learnt.rows < len(train.rows):
        session.happened(
            f"TF-IDF with logistic regression learnt from {learnt.rows:,} of {len(train.rows):,} train rows"
        )


def choosing(spec: TaskSpec, train: TrainConfig | None, parts: Parts) -> tuple[str, Split, str] | None:
    """What chooses the weights: the rows' name, the rows, the number; None where nothing does. Raises ConfigError."""
    there = ({} if parts.tune is None else {"tune": parts.tune}) | parts.eval
    if train is None:
        return None
    if train.select_on is None and parts.tune is None:
        _check_idle(train)
        return None
    name, number, numbers = train.select_on or "tune", train.select_metric or spec.headline, scoring.units(spec)
    if name not in there:
        raise ConfigError("train.select_on", f"this run has no rows {name!r}", f"it has: {', '.join(there)}")
    if number not in numbers:
        raise ConfigError("train.select_metric", f"the task gives no {number!r}", f"it gives: {', '.join(numbers)}")
    return name, there[name], number


def _check_idle(train: TrainConfig) -> None:
    """Refuses keys that need rows that choose, where there are none. Raises ConfigError."""
    for key, value in {"early_stopping": train.early_stopping, "eval_every": train.eval_every}.items():
        if value is not None:
            remedy = "cut some off train with tune.share=0.1, or name a split with train.select_on=..."
            raise ConfigError(f"train.{key}", "no rows are there that choose the weights", remedy)


def select(session: Session) -> Choice | None:
    """The score of the model as it stands on the rows that choose; None when none do."""
    spec = session.spec
    found = choosing(spec, session.config.train, session.parts)
    if found is None:
        return None
    name, split, number = found
    kind, gold = KINDS[spec.kind], references(session, split)
    evidence = _evidence(session, split, stops=False)  # the epoch's state is not on disk yet
    fitted = kind.fit(evidence, gold, spec) if kind.fits(spec, session.config.protocol) else {}
    answers = {row: kind.decide(one, fitted, spec) for row, one in evidence.items()}
    score = scoring.score(spec, answers, gold, metrics=scoring.giving(spec, number)).get(number)
    return Choice(name, number, score, scoring.units(spec)[number].better == "lower")


def references(session: Session, split: Split) -> dict[RowId, Any]:
    """The gold answer of every row."""
    return data.gold(session.spec, split)


def _evaluate_split(session: Session, name: str, split: Split, found: Evaluation) -> None:
    kind, spec = KINDS[session.spec.kind], session.spec
    gold, evidence = references(session, split), _evidence(session, split)
    answers = {row: kind.decide(one, found.fitted, spec) for row, one in evidence.items()}
    found.counts[name] = {
        **session.adapter.counts,
        "near_ties": scoring.near_ties(spec, evidence, found.fitted),
        **kind.diagnosis(split.rows, answers, gold, evidence, spec),
        **kind.calibration(evidence, gold, found.fitted, spec),
    }
    _em_bound(found.counts[name], len(gold))
    found.counts[name] |= _reach(session, split, gold)
    found.scores[name] = scoring.score(spec, answers, gold, evidence=evidence)
    leaked = session.leaked.get(name, frozenset()) & gold.keys()
    if leaked:
        found.counts[name]["leaked"] = len(leaked)
    if leaked and len(leaked) < len(gold):
        kept = [{row: one for row, one in of.items() if row not in leaked} for of in (answers, gold, evidence)]
        found.unleaked[name] = scoring.score(spec, kept[0], kept[1], evidence=kept[2])
    found.baseline[name] = scoring.baseline(spec, split.rows, gold)
    if not found.signatures:
        found.signatures.update(scoring.signatures(spec, answers, gold, evidence=evidence))
    found.answers[name], found.references[name] = answers, gold
    found.lines.extend(
        {"split": name, "row": row, "evidence": evidence[row], "answer": answers[row], "reference": gold[row],
         "text": begins}
        for row, begins in zip(gold, _beginnings(spec, split), strict=True)
    )  # fmt: skip


def _beginnings(spec: TaskSpec, split: Split) -> list[str]:
    """The first characters of what is read of each row."""
    texts = zip(*(split.rows[role] for role in read_roles(spec)), strict=True)
    return [" | ".join(" ".join(str(text)[: 2 * _SHOWN].split())[:_SHOWN] for text in row) for row in texts]


def batch_size(session: Session) -> int:
    """Features that are answered at once."""
    train = session.written.train
    return (train.micro_batch_size if train is not None else None) or _BATCH


def _em_bound(counts: dict[str, float], rows: int) -> None:
    """The exact match that a perfect model would reach, given the gold answers that no span of tokens can give."""
    if "answers_not_reproducible" in counts:
        counts["em_upper_bound"] = 100 * (1 - counts["answers_not_reproducible"] / rows)


def _reach(session: Session, split: Split, gold: Mapping[RowId, Any]) -> dict[str, float]:
    """How many targets nobody can write by this checkpoint, and the headline of a model that writes what it can."""
    kind, spec = KINDS[session.spec.kind], session.spec
    texts = session.adapter.as_written(split.rows, session.model)
    lost = sum(text.split() != kind.written(gold[row], spec).split() for row, text in texts.items())
    if not lost:
        return {}
    answers = {row: kind.decide({"texts": [text], "cut": False}, {}, spec) for row, text in texts.items()}
    best = scoring.score(spec, answers, gold, metrics=scoring.giving(spec, spec.headline)).get(spec.headline)
    return {"targets_not_writable": lost, **({} if best is None else {"best_reachable": best})}


def _evidence(session: Session, split: Split, *, stops: bool = True) -> Mapping[RowId, Evidence]:
    """Every row's evidence; a run that was asked to stop does so between two batches, if it may."""
    session.adapter.counts.clear()

    def between(rows: int) -> None:
        session.watch(Progress("evaluate", rows, len(split.rows)))
        if stops:
            session.stopping.check(session.accelerator, session.folder)

    return dict(
        answer(
            session.model,
            session.adapter,
            split.rows,
            accelerator=session.accelerator,
            batch_size=batch_size(session),
            between=between,
            note=session.happened,
        )
    )
