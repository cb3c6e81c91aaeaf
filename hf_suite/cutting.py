"""One split's rows cut into parts as a config says: by share, group, label, time or fold. Fetches nothing."""

import datetime
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy

from hf_suite import split
from hf_suite.config import RunConfig, SplitConfig, TuneConfig
from hf_suite.data import Split
from hf_suite.doctor import equal
from hf_suite.errors import ConfigError, DataError
from hf_suite.kinds import read_roles
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

_ORDER = ("train", "tune", "eval")
_CONTEXTS = 20
"""Of fewer different contexts none could be had for each part; then questions on one may stand in two."""


def said(config: RunConfig) -> str:
    """`split: train 80 %, tune 10 %, eval 10 %; each label alike, equal texts together`."""
    how = config.split or config.tune
    if how is None:
        return "split: as the rows are given" + _limits_said(config)
    shares = config.split.shares if config.split is not None else {"tune": config.tune.share if config.tune else 0.0}
    dealt = ", ".join(f"{part} {share * 100:g} %" for part, share in shares.items())
    alike = [
        *(["each label alike"] if how.stratify else []),
        *(["equal texts together"] if how.together else []),
        *([f"by {how.group}"] if how.group is not None else []),
    ]
    if config.split is not None:
        alike += [f"by {config.split.time}"] if config.split.time is not None else []
        alike += [f"in {config.split.folds} folds"] if config.split.folds is not None else []
    return f"split: {dealt}" + (f"; {', '.join(alike)}" if alike else "") + _limits_said(config)


def _limits_said(config: RunConfig) -> str:
    """What `limit` leaves of each part; empty where it is not set."""
    if config.limit is None:
        return ""
    of = "train and tune together" if config.tune is not None else "train"
    evals = "all" if config.eval_limit is None else f"at most {config.eval_limit:,}"
    tune = ", of tune the same share" if config.splits_tune else ""
    return f"; of {of} at most {config.limit:,} rows{tune}, of eval {evals}"


def check(wish: SplitConfig) -> str:
    """The split that is to be cut. Raises ConfigError for keys that say too little or contradict each other."""
    _check_shares(wish)
    if wish.of is None:
        raise ConfigError("split.of", "the split that is to be cut is not named", "say split.of=train, or another")
    return wish.of


def _check_shares(wish: SplitConfig) -> None:
    if wish.folds is not None:
        _check_folds(wish, wish.folds)
        return
    if wish.fold is not None:
        raise ConfigError("split.fold", "there are no folds", "say split.folds=5 too, or leave it out")
    total = math.fsum(wish.shares.values())
    if not wish.shares or min(wish.shares.values()) <= 0 or total > 1 + 1e-9:
        remedy = "give positive shares with a sum of at most 1"
        raise ConfigError("split.shares", f"they sum to {total:g}", remedy)
    for key, said in (("group", wish.group), ("together", wish.together), ("stratify", wish.stratify)):
        if wish.time is not None and said:
            raise ConfigError(f"split.{key}", "a split by time knows only the time", f"leave time or {key} out")


def _check_folds(wish: SplitConfig, folds: int) -> None:
    if wish.fold is None:
        finding = f"{folds} folds are {folds} runs"
        raise ConfigError("split.folds", finding, "run them all by hf-suite bench, or one by split.fold=0")
    if wish.fold >= folds:
        raise ConfigError("split.fold", f"{wish.fold} of {folds} folds", f"they are 0 to {folds - 1}")
    if wish.time is not None:
        raise ConfigError("split.time", "folds are dealt by chance, not by time", "leave folds or time out")
    tune = wish.shares.get("tune", 0.0)
    if wish.shares.keys() - {"tune"} or not 0 <= tune < 1:
        said = ", ".join(f"{part} {share:g}" for part, share in wish.shares.items())
        raise ConfigError("split.shares", f"{said}, and folds set train and eval", "say at most split.shares.tune=0.1")


def anew(spec: TaskSpec, whole: Split, wish: SplitConfig) -> dict[str, Split]:
    """Part -> its rows, of a split cut as a checked config says. Raises DataError where a part is left without rows."""
    if wish.folds is not None:
        return _folded(spec, whole, wish, wish.folds)
    shares = {str(part): share for part, share in wish.shares.items()}
    if wish.time is None:
        return cut(spec, whole, shares, how=wish, seed=wish.seed)
    moments = _moments(whole.rows[wish.time][:], wish.time, f"{spec.name} {whole.name}")
    ordered = {part: shares[part] for part in _ORDER if part in shares}
    return _parts(spec, whole, split.by_time(moments, ordered), how=f", by {wish.time},")


def cut(
    spec: TaskSpec, whole: Split, shares: Mapping[str, float], *, how: SplitConfig | TuneConfig, seed: int = 0
) -> dict[str, Split]:
    """Part -> its rows, by shares. Raises DataError where a part is left without rows."""
    groups, strata = _groups(spec, whole, how), _strata(whole, how)
    numbers = split.cut(len(whole.rows), shares, groups=groups, strata=strata, seed=seed)
    many = f", grouped by {how.group} ({len(set(groups)):,} in all)," if groups and how.group else ""
    return _parts(spec, whole, numbers, how=many)


def select(whole: Split, indices: split.Indices) -> Split:
    """Some rows of a split, by their positions."""
    return replace(whole, rows=whole.rows.select(indices))


def again(whole: Split, ids: Sequence[RowId]) -> Split:
    """The rows that bear these ids. Raises DataError where one is gone."""
    at = {row: position for position, row in enumerate(whole.rows["row"])}
    gone = [row for row in ids if row not in at]
    if gone:
        finding = f"{len(gone):,} of {len(ids):,} rows that were set apart for eval are gone, first row {gone[0]}"
        raise DataError(whole.name, finding, "put the file back as it was")
    return select(whole, numpy.array([at[row] for row in ids], dtype=numpy.int64))


def _folded(spec: TaskSpec, whole: Split, wish: SplitConfig, folds: int) -> dict[str, Split]:
    groups, strata = _groups(spec, whole, wish), _strata(whole, wish)
    taken = split.fold(len(whole.rows), folds, wish.fold or 0, groups=groups, strata=strata, seed=wish.seed)
    left = sorted(set(range(len(whole.rows))) - set(taken.tolist()))
    found = _parts(
        spec, whole, {"eval": taken, "train": numpy.array(left, dtype=numpy.int64)}, how=f" in {folds} folds"
    )
    tune = wish.shares.get("tune")
    if tune is None:
        return found
    return {**found, **cut(spec, found["train"], {"train": 1 - tune, "tune": tune}, how=wish, seed=wish.seed)}


def _parts(spec: TaskSpec, whole: Split, numbers: Mapping[str, split.Indices], *, how: str) -> dict[str, Split]:
    for part, indices in numbers.items():
        if not len(indices):
            finding = f"{len(whole.rows):,} rows{how} leave none for {part}"
            raise DataError(f"{spec.name} {whole.name}", finding, "raise its share, or take more rows or groups")
    return {part: select(whole, indices) for part, indices in numbers.items()}


def _groups(spec: TaskSpec, whole: Split, how: SplitConfig | TuneConfig) -> Sequence[Hashable] | None:
    """What must stay together: the values of a column, rows that are alike, or both."""
    named = whole.rows[how.group][:] if how.group is not None else None
    if not how.together:
        return named
    alike = _alike(spec, whole)
    return alike if named is None else split.joined(named, alike)


def _alike(spec: TaskSpec, whole: Split) -> list[int]:
    """The same number for rows of equal texts; for all questions on one context, where there are contexts enough."""
    contexts = [equal.key([text]) for text in whole.rows["context"]] if "context" in spec.columns else []
    return contexts if len(set(contexts)) >= _CONTEXTS else _keys(spec, whole)


def leaked(
    learnt: TaskSpec, train: Split | None, spec: TaskSpec, evals: Mapping[str, Split]
) -> dict[str, frozenset[RowId]]:
    """Split of a task -> its rows whose texts stand in the train rows of one that was learnt, case and spaces aside.

    Splits that have none are left out.
    """
    if train is None:
        return {}
    known = set(_keys(learnt, train)) - {equal.key([""] * count) for count in (1, 2)}
    rows = {name: zip(split.rows["row"][:], _keys(spec, split), strict=True) for name, split in evals.items()}
    found = {name: frozenset(row for row, key in pairs if key in known) for name, pairs in rows.items()}
    return {name: ids for name, ids in found.items() if ids}


def _keys(spec: TaskSpec, whole: Split) -> list[int]:
    """A number for each row, the same where all its texts are equal."""
    texts = (whole.rows[role][:] for role in sorted(read_roles(spec)))
    return [equal.key(values) for values in zip(*texts, strict=True)]


def _strata(whole: Split, how: SplitConfig | TuneConfig) -> Sequence[Hashable] | None:
    """Each row's label; of several the one that is rarest in all rows, as iterative stratification takes them first
    (Sechidis et al. 2011, doi 10.1007/978-3-642-23808-6_10)."""
    if not how.stratify or "label" not in whole.rows.column_names:
        return None
    labels = whole.rows["label"][:]
    many = Counter(label for given in labels if isinstance(given, list) for label in given)
    rarest = [min(given, key=lambda label: (many[label], label), default="") if isinstance(given, list) else given
              for given in labels]  # fmt: skip
    return list(map(str, rarest))


def _moments(values: Sequence[Any], column: str, place: str) -> list[Any]:
    """Dates, or numbers, that can be put in order. Raises DataError."""
    for row, value in enumerate(values):
        if value is None or value != value:
            raise DataError(f"{place} row {row}", f"has no {column!r}", "fill it, or leave split.time out")
    if all(isinstance(value, int | float | datetime.date) for value in values):
        return list(values)
    return [_date(value, column, f"{place} row {row}") for row, value in enumerate(values)]


def _date(value: Any, column: str, place: str) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        finding = f"{column!r} is {str(value)[:40]!r}, which is no date"
        raise DataError(place, finding, "write dates as 2024-12-31 or 2024-12-31 23:59:59") from error
    return found.replace(tzinfo=datetime.UTC) if found.tzinfo is None else found.astimezone(datetime.UTC)
