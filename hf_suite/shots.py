"""Shots: the train rows that stand, answered, before each question to a prompted model. Words no prompt."""

from collections.abc import Sequence

import numpy

from hf_suite import cutting, split
from hf_suite.data import Split
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS
from hf_suite.spec import TaskSpec


def drawn(spec: TaskSpec, train: Split, many: int, *, seed: int) -> Split:
    """So many train rows by the seed, the same for every model and every row; those of fewer are among those of more.

    Labels take turns, so that each has its share to within one; the order is that of the draw, which knows no labels.
    Raises ConfigError where train has fewer rows.
    """
    if many > len(train.rows):
        finding = f"{many:,} rows, and {train.name} of {spec.name} has {len(train.rows):,}"
        raise ConfigError("shots", finding, f"say shots={len(train.rows)} or less")
    order = split.permutation(len(train.rows), f"{spec.name} shots {seed}").tolist()
    labels = len(KINDS[spec.kind].candidates(spec))
    chosen = set(order[:many] if not labels else _in_turn(spec, train, order, many, labels=labels))
    return cutting.select(train, numpy.array([at for at in order if at in chosen], dtype=numpy.int64))


def _in_turn(spec: TaskSpec, train: Split, order: Sequence[int], many: int, *, labels: int) -> list[int]:
    """Of that order the first row of each label, then the second, and so on."""
    kind, each = KINDS[spec.kind], -(-many // labels)
    queues: dict[str, list[int]] = {}
    for at in order:
        queues.setdefault(kind.written(kind.reference(train.rows[at], spec), spec), []).append(at)
        if sum(len(queue) >= each for queue in queues.values()) == labels:
            break
    turns = [(place, at) for queue in queues.values() for place, at in enumerate(queue)]
    return [at for _, at in sorted(turns, key=lambda turn: turn[0])[:many]]
