"""The rows of one run: train, tune, eval, cut and limited, with their caveats. Reads no file; data does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hf_suite import blocks, cutting, data, shipped, split
from hf_suite import shots as shown
from hf_suite.blocks import Blocks
from hf_suite.config import RunConfig, TuneConfig
from hf_suite.data import Split
from hf_suite.errors import ConfigError, DataError, MissingData
from hf_suite.kinds import KINDS
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec


@dataclass(frozen=True)
class Parts:
    """What a run trains on, fits on and is scored on; the caveats say how that differs from the published."""

    train: Split | None
    tune: Split | None
    eval: dict[str, Split]
    caveats: list[str]
    shots: Split | None = None
    """The train rows that stand, answered, before each question."""


def parts(
    spec: TaskSpec,
    config: RunConfig,
    *,
    needs_eval: bool = True,
    cut_before: Sequence[RowId] | None = None,
    blocks: Blocks | None = None,
) -> Parts:
    """The rows of a run: fetched, cut, limited, with the caveats that follow.

    `limit` bounds the train rows before tune is cut off them, so it counts both; where `split` cuts a tune
    part of its own, it bounds the train part, and of tune the same share is left. Tune is cut where the config
    asks, or, in training, where the kind has something to fit; then by role `title` if the task names it. With
    train: null there are no train rows. The eval part of a split cut anew bears that split's name (`eval` where
    the train split is cut). With `needs_eval=False` eval may stay empty: such a task can still be trained for
    another one. `cut_before` are the rows that were the eval part when the split was cut once before; then it is
    not cut again. Where a split is one text (document: split), its rows are `blocks`, of a usual size where none
    are given.
    Raises MissingData, DataError, ConfigError.
    """
    share = _tune(spec, config)
    groups = [share.group] if share is not None and share.group is not None else []
    caveats: list[str] = [] if spec.pinned or _ours(spec) else ["unpinned"]
    fetched = _Fetched(spec, config, blocks, caveats)
    fresh = _cut_anew(fetched, groups, cut_before) if config.split is not None else {}
    train, tune = fresh.get("train"), fresh.get("tune")
    if train is None and (config.train is not None or share is not None or config.shots):
        train = fetched.whole(train_split(spec, config), groups)
    if train is not None:
        of, train = len(train.rows), _limited(spec, train, config.limit, key="limit", caveats=caveats)
        tune = _in_proportion(spec, tune, len(train.rows), of, caveats) if tune is not None else None
        if share is not None:
            pieces = {"train": 1 - share.share, "tune": share.share}
            cut = cutting.cut(spec, train, pieces, how=share)
            train, tune = cut["train"], cut["tune"]
        _check_train(spec, train)
    shots = shown.drawn(spec, train, config.shots, seed=config.seed) if train is not None and config.shots else None
    evals = _evals(fetched, fresh, needed=needs_eval)
    return Parts(
        train=_without_groups(spec, train) if train is not None and config.train is not None else None,
        tune=_without_groups(spec, tune) if tune is not None else None,
        eval={name: _without_groups(spec, found) for name, found in evals.items()},
        caveats=caveats,
        shots=_without_groups(spec, shots) if shots is not None else None,
    )


@dataclass(frozen=True)
class _Fetched:
    """Splits of a task as a run asks for them."""

    spec: TaskSpec
    config: RunConfig
    blocks: Blocks | None
    caveats: list[str]

    def whole(self, name: str, extra: Sequence[str] = (), *, scored: bool = False) -> Split:
        """All rows of a split, counted; blocks to learn, or, `scored`, the steps in which a text is scored."""
        if self.spec.document != "split":
            return counted(self.spec, data.rows(self.spec, name, mirrors=self.config.mirror, extra=extra), self.caveats)
        how = self.blocks or blocks.roughly(self.config.max_length)
        size = how.step if scored else how.size
        found = data.blocks(self.spec, name, how, size=size, mirrors=self.config.mirror)
        return counted(self.spec, found, self.caveats)


def _ours(spec: TaskSpec) -> bool:
    """Whether the data come with the suite, whose version fixes them, or are files, whose hashes do."""
    return bool(spec.source.files) or (shipped.folder("demo-data") / spec.source.path).is_dir()


def _tune(spec: TaskSpec, config: RunConfig) -> TuneConfig | None:
    """What to cut off the train rows."""
    if config.tune is not None and config.splits_tune:
        raise ConfigError("tune", "split.shares has a part tune as well", "keep one of the two")
    if config.tune is not None or config.splits_tune or config.train is None or not _fits(spec, config):
        return config.tune
    return TuneConfig(group=spec.columns.get("title"))


def _fits(spec: TaskSpec, config: RunConfig) -> bool:
    return KINDS[spec.kind].fits(spec, config.protocol)


def train_split(spec: TaskSpec, config: RunConfig) -> str:
    """The task's own train split. Raises DataError where it has none, ConfigError where eval is cut of it."""
    name = spec.source.train
    if name is None and config.train is None and config.shots:
        remedy = "name one as task.source.train=..., or leave shots out"
        raise DataError(spec.name, "the task has no train split to take shots from", remedy)
    if name is None:
        source = f"a run of {spec.trained_on}"
        way = f"evaluate {source} on it" if spec.trained_on else "name one as task.source.train=..."
        raise DataError(spec.name, "the task has no train split", f"{way}, or set train=null")
    if config.split is not None and config.split.of == name:
        raise ConfigError("split.shares", f"{name} is cut, but no part is train", "give a share to train")
    return name


def _cut_anew(fetched: _Fetched, groups: Sequence[str], before: Sequence[RowId] | None) -> dict[str, Split]:
    """Part -> its rows, of the split that the config cuts anew."""
    spec, wish, caveats = fetched.spec, fetched.config.split, fetched.caveats
    if wish is None:
        return {}
    of = cutting.check(wish)
    extra = list(dict.fromkeys([column for column in (wish.group, wish.time, *groups) if column is not None]))
    whole = fetched.whole(of, extra)
    by = wish.group or wish.time
    caveats.append(f"rows cut anew from {wish.of}" + (f" by {by}" if by is not None else ""))
    if wish.folds is not None:
        caveats[-1] = f"one of {wish.folds} folds of {wish.of}" + (f" by {by}" if by is not None else "")
    return cutting.anew(spec, whole, wish) if before is None else {"eval": cutting.again(whole, before)}


def _evals(fetched: _Fetched, fresh: Mapping[str, Split], *, needed: bool) -> dict[str, Split]:
    """Split name -> rows of the eval splits that are there; a missing one beside them is a caveat."""
    spec, config, caveats = fetched.spec, fetched.config, fetched.caveats
    of = config.split.of if config.split is not None else None
    found = {"eval" if of == spec.source.train else str(of): fresh["eval"]} if "eval" in fresh else {}
    missing: dict[str, MissingData] = {}
    for name in spec.source.eval:
        if name == of:
            continue
        try:
            found[name] = fetched.whole(name, scored=True)
        except MissingData as error:
            missing[name] = error
    if not found and needed:
        raise next(iter(missing.values()), _no_eval(spec))
    caveats += [f"eval split {name} is missing" for name in missing if found]
    return {
        name: _limited(spec, part, config.eval_limit, key="eval_limit", caveats=caveats) for name, part in found.items()
    }


def _no_eval(spec: TaskSpec) -> DataError:
    remedy = "name one as task.source.eval=[...], or cut one with split"
    return DataError(spec.name, "the task has no eval split left", remedy)


def _limited(spec: TaskSpec, whole: Split, limit: int | None, *, key: str, caveats: list[str]) -> Split:
    if limit is None or limit >= len(whole.rows):
        return whole
    if f"{key} {limit:,}" not in caveats:
        caveats.append(f"{key} {limit:,}")
    return cutting.select(whole, split.first(len(whole.rows), limit, spec.name))


def _in_proportion(spec: TaskSpec, tune: Split, kept: int, of: int, caveats: list[str]) -> Split:
    """Of tune rows the share that `limit` leaves of the train rows: whoever wants few, answers few after each epoch."""
    rows, whole = -(-len(tune.rows) * kept // of), len(tune.rows)
    if rows == whole:
        return tune
    caveats.append(f"tune: {rows:,} of {whole:,} rows, limited as train is")
    return cutting.select(tune, split.first(whole, rows, spec.name))


def _without_groups(spec: TaskSpec, part: Split) -> Split:
    kept = [name for name in part.rows.column_names if name in {"row", *spec.columns, *blocks.COLUMNS}]
    return replace(part, rows=part.rows.select_columns(kept))


def counted(spec: TaskSpec, whole: Split, caveats: list[str]) -> Split:
    """The split itself, with its labels checked; what its numbers of rows tell goes to the caveats."""
    found, name = data.labelled(spec, whole), whole.name
    published = spec.source.rows.get(name)
    if published is not None and found.total < published:
        caveats.append(f"{name}: {found.total:,} of {published:,} rows")
    if published is not None and found.total > published:
        caveats.append(f"{name}: {found.total:,} rows, where {published:,} are published")
    if found.dropped:
        caveats.append(f"{name}: {found.dropped:,} rows without a label left out")
    return found


def _check_train(spec: TaskSpec, train: Split) -> None:
    """Refuses train rows of which nothing can be learnt: without any text, or all of the same label or number."""
    kind = KINDS[spec.kind]
    if not kind.targets(spec) and all(kind.empty_inputs([row]) for row in train.rows):
        finding = f"none of the {len(train.rows):,} rows has a text, so there is nothing to learn from"
        raise DataError(
            f"{spec.name} {train.name}", finding, "name the column that has them as task.columns.text=COLUMN"
        )
    if "label" not in spec.columns:
        return
    values = {tuple(label) if isinstance(label, list) else label for label in train.rows["label"]}
    if len(values) < 2:
        only = next(iter(values))
        what = f"labels {', '.join(only) or 'none'}" if isinstance(only, tuple) else f"label {only!r}"
        finding = f"all {len(train.rows):,} train rows have the {what}"
        raise DataError(f"{spec.name} {train.name}", finding, "raise limit, or give rows of another label too")
