"""The batch plan: which features meet in which optimizer step. A pure function; knows neither tokens nor models."""

from collections.abc import Sequence

import numpy

Plan = list[list[int]]

_POOL = 50  # batches that are sorted by length together: enough to pad little, few enough to stay random


def train_plan(
    lengths: Sequence[int], *, batch_size: int, seed: int, epoch: int, repeats: Sequence[float] | None = None
) -> Plan:
    """The batches of one epoch, each a list of feature indices for one optimizer step.

    Every feature stands in exactly one batch, or as often as `oversampled` says; all batches but one are full. Features
    of like length meet: they are shuffled, sorted by length within pools of 50 batches, and the batches are shuffled.
    """
    generator = numpy.random.default_rng([seed, epoch])
    taken = numpy.arange(len(lengths)) if repeats is None else oversampled(repeats, seed=seed, epoch=epoch)
    order = taken[generator.permutation(len(taken))]
    sizes = numpy.asarray(lengths)[order]
    pool = batch_size * _POOL
    pieces = [
        order[at : at + pool][numpy.argsort(sizes[at : at + pool], kind="stable")] for at in range(0, len(order), pool)
    ]
    batches = [piece[at : at + batch_size].tolist() for piece in pieces for at in range(0, len(piece), batch_size)]
    return [batches[at] for at in generator.permutation(len(batches))]


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


def steps_in(features: int, *, batch_size: int, epochs: int, max_steps: int | None) -> int:
    """Optimizer steps of the whole training, of epochs that read so many features."""
    total = -(-features // batch_size) * epochs
    return total if max_steps is None else min(total, max_steps)
