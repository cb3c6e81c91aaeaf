"""The batch plan: which features meet in which optimizer step. Pure functions; knows lengths, and no text nor model."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy

Plan = list[list[int]]

_POOL = 50  # batches that are sorted by length together: enough to pad little, few enough to stay random


@dataclass(frozen=True)
class Course:
    """Every batch of a training, from the first step to the last. Depends on its fields alone."""

    lengths: Sequence[int]
    """Tokens of each feature."""
    seed: int
    epochs: int
    batch_size: int | None = None
    """Features of a step; None where batch_tokens says it."""
    batch_tokens: int | None = None
    """Padded tokens that a step has at most: its features times the longest of them."""
    max_steps: int | None = None
    repeats: Sequence[float] | None = None
    """How often an epoch reads each feature, where that is not once."""

    def plan(self, epoch: int) -> Plan:
        """The batches of an epoch, counted from 0."""
        return train_plan(
            self.lengths,
            batch_size=self.batch_size,
            batch_tokens=self.batch_tokens,
            seed=self.seed,
            epoch=epoch,
            repeats=self.repeats,
        )

    @functools.cached_property
    def features(self) -> int:
        """How many features an epoch reads."""
        return epoch_size(len(self.lengths), self.repeats)

    def batches(self, epoch: int) -> int:
        """How many batches an epoch has; by tokens it may be a few more than in another."""
        return len(self.plan(epoch)) if self.batch_size is None else -(-self.features // self.batch_size)

    @functools.cached_property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        total = 0
        for epoch in range(self.epochs):
            total += self.batches(epoch)
            if self.max_steps is not None and total >= self.max_steps:
                return self.max_steps
        return total

    @functools.cached_property
    def largest(self) -> int:
        """The most features that a step can have."""
        if self.batch_size is not None:
            return self.batch_size
        return min(self.features, (self.batch_tokens or 0) // max(1, min(self.lengths, default=1)))

    def after(self, done: int) -> Iterator[tuple[int, list[int], bool]]:
        """Of each step after the first `done`: its epoch, its features, and whether it is the epoch's last."""
        for epoch in range(self.epochs):
            many = self.batches(epoch)
            if done < many:
                plan = self.plan(epoch)
                yield from ((epoch, plan[at], at + 1 == many) for at in range(done, many))
            done = max(0, done - many)


def train_plan(
    lengths: Sequence[int],
    *,
    batch_size: int | None = None,
    batch_tokens: int | None = None,
    seed: int,
    epoch: int,
    repeats: Sequence[float] | None = None,
) -> Plan:
    """The batches of one epoch, each a list of feature indices for one optimizer step.

    Every feature stands in exactly one batch, or as often as `oversampled` says. With `batch_size` all batches but one
    are full; with `batch_tokens` each takes features while their number times the longest is within it, at least one.
    Features of like length meet: they are shuffled, sorted by length within pools of some 50 batches, and the batches
    are shuffled.
    """
    generator = numpy.random.default_rng([seed, epoch])
    taken = numpy.arange(len(lengths)) if repeats is None else oversampled(repeats, seed=seed, epoch=epoch)
    order = taken[generator.permutation(len(taken))]
    sizes = numpy.asarray(lengths)[order]
    pool = _POOL * (batch_size or max(1, (batch_tokens or 0) * len(order) // max(1, int(sizes.sum()))))
    pieces = [
        order[at : at + pool][numpy.argsort(sizes[at : at + pool], kind="stable")] for at in range(0, len(order), pool)
    ]
    batches = [batch for piece in pieces for batch in _cut(piece.tolist(), lengths, batch_size, batch_tokens)]
    return [batches[at] for at in generator.permutation(len(batches))]


def _cut(piece: list[int], lengths: Sequence[int], batch_size: int | None, batch_tokens: int | None) -> Plan:
    """Batches of a pool's features, which come by rising length."""
    if batch_size is not None:
        return [piece[at : at + batch_size] for at in range(0, len(piece), batch_size)]
    batches: Plan = []
    for index in piece:
        if not batches or (len(batches[-1]) + 1) * lengths[index] > (batch_tokens or 0):
            batches.append([])
        batches[-1].append(index)
    return batches


def oversampled(repeats: Sequence[float], *, seed: int, epoch: int) -> numpy.ndarray:
    """Feature indices, each as often as its number says (1 or more); of a fraction, others in each epoch.

    Of features with the same number as many get one more as the fraction asks for, rounded.
    """
    wanted = numpy.asarray(repeats)
    whole = numpy.floor(wanted).astype(numpy.int64)
    generator = numpy.random.default_rng([seed, epoch, 1])
    more = [
        generator.permutation(numpy.flatnonzero(wanted == number))[: _more(wanted, number)]
        for number in numpy.unique(wanted)
    ]
    return numpy.concatenate([numpy.repeat(numpy.arange(len(wanted)), whole), *more])


def epoch_size(features: int, repeats: Sequence[float] | None) -> int:
    """How many features an epoch reads."""
    if repeats is None:
        return features
    wanted = numpy.asarray(repeats)
    return int(numpy.floor(wanted).sum()) + sum(_more(wanted, number) for number in numpy.unique(wanted))


def _more(wanted: numpy.ndarray, number: float) -> int:
    return round(float((number - numpy.floor(number)) * (wanted == number).sum()))


def eval_plan(lengths: Sequence[int], *, batch_size: int) -> Plan:
    """Batches for answering: by falling length, so that the largest comes first. Independent of seed and processes."""
    order = numpy.argsort(-numpy.asarray(lengths), kind="stable").tolist()
    return [order[at : at + batch_size] for at in range(0, len(order), batch_size)]


def shares(batch: Sequence[int], *, micro_batch_size: int, rank: int, processes: int) -> Plan:
    """One rank's micro-batches of a planned batch.

    Rank r takes every processes-th feature from r on. All ranks get the same number of micro-batches; one without
    features gets an empty list in its place.
    """
    own = list(batch[rank::processes])
    largest = -(-len(batch) // processes)
    return [own[at : at + micro_batch_size] for at in range(0, largest, micro_batch_size)]
