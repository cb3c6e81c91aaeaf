"""The batch plan: every feature once, full batches, like lengths together, the same rows at every world size."""

import itertools

import numpy
import pytest

from hf_suite import batching

# Lengths as of a set of short texts with a long tail: 1 to 128 tokens, half of them below 20.
LENGTHS = [min(128, 4 + at % 16 + (at % 31 == 0) * (at % 117)) for at in range(5000)]


def flat(plan):
    return list(itertools.chain.from_iterable(plan))


def padded_share(plan, lengths):
    """Of the cells of all padded batches, how many hold no token."""
    cells = sum(len(batch) * max(lengths[at] for at in batch) for batch in plan)
    return 1 - sum(lengths) / cells


def test_every_feature_stands_in_exactly_one_batch():
    plan = batching.train_plan(LENGTHS, batch_size=32, seed=0, epoch=0)
    assert sorted(flat(plan)) == list(range(5000))


def test_all_batches_but_one_are_full():
    plan = batching.train_plan(LENGTHS, batch_size=32, seed=0, epoch=0)
    assert sorted(map(len, plan)) == [8] + [32] * 156  # 5000 = 156 * 32 + 8


def test_a_short_set_is_one_batch():
    assert sorted(flat(batching.train_plan([3, 1, 2], batch_size=8, seed=0, epoch=0))) == [0, 1, 2]
    assert len(batching.train_plan([3, 1, 2], batch_size=8, seed=0, epoch=0)) == 1


def test_no_features_make_no_batches():
    assert batching.train_plan([], batch_size=8, seed=0, epoch=0) == []
    assert batching.eval_plan([], batch_size=8) == []
    assert batching.train_plan([], batch_tokens=8, seed=0, epoch=0) == []
    assert batching.Course([], seed=0, epochs=3, batch_size=8).steps == 0


def test_the_plan_depends_on_its_arguments_alone():
    plan = batching.train_plan(LENGTHS, batch_size=32, seed=7, epoch=2)
    numpy.random.seed(1)
    assert batching.train_plan(LENGTHS, batch_size=32, seed=7, epoch=2) == plan
    assert batching.train_plan(numpy.asarray(LENGTHS), batch_size=32, seed=7, epoch=2) == plan


def test_the_plan_of_twelve_features_is_this_one():
    # Written down once: a change of the plan changes every score, and so needs a new protocol version.
    lengths = [9, 2, 7, 4, 4, 8, 1, 3, 6, 5, 2, 9]
    assert batching.train_plan(lengths, batch_size=5, seed=0, epoch=0) == [[11, 0], [3, 9, 8, 2, 5], [6, 10, 1, 7, 4]]


@pytest.mark.parametrize("other", [{"seed": 8}, {"epoch": 3}])
def test_another_seed_or_epoch_is_another_order(other):
    plan = batching.train_plan(LENGTHS, batch_size=32, seed=7, epoch=2)
    assert batching.train_plan(LENGTHS, **{"batch_size": 32, "seed": 7, "epoch": 2, **other}) != plan


def test_like_lengths_meet():
    # In any order that does not look at lengths, four fifths of such batches are padding.
    plan = batching.train_plan(LENGTHS, batch_size=32, seed=0, epoch=0)
    in_order = [list(range(at, min(at + 32, 5000))) for at in range(0, 5000, 32)]
    assert padded_share(in_order, LENGTHS) > 0.8
    assert padded_share(plan, LENGTHS) < 0.12


def test_batches_do_not_come_by_length():
    longest = [
        max(LENGTHS[at] for at in batch) for batch in batching.train_plan(LENGTHS, batch_size=32, seed=0, epoch=0)
    ]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_answering_starts_with_the_longest_and_knows_no_seed():
    assert batching.eval_plan([3, 9, 3, 1, 9, 5], batch_size=2) == [[1, 4], [5, 0], [2, 3]]


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("features", [1, 2, 5, 8, 9])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_shares_of_all_processes_are_the_batch(processes, features, size):
    batch = list(range(100, 100 + features))
    shares = [
        batching.shares(batch, micro_batch_size=size, rank=rank, processes=processes) for rank in range(processes)
    ]
    assert sorted(flat(flat(shares))) == batch
    assert len({len(share) for share in shares}) == 1  # each exchange of gradients needs every process
    assert all(len(micro) <= size for share in shares for micro in share)
    counts = [len(flat(share)) for share in shares]
    assert max(counts) - min(counts) <= 1


def test_a_process_without_features_has_empty_places():
    assert batching.shares([7, 8], micro_batch_size=4, rank=2, processes=3) == [[]]
    assert batching.shares([4, 5, 6], micro_batch_size=1, rank=1, processes=2) == [[5], []]
    assert batching.shares([4, 5, 6], micro_batch_size=1, rank=0, processes=2) == [[4], [6]]


@pytest.mark.parametrize(
    ("features", "batch_size", "epochs", "max_steps", "steps"),
    [(64, 8, 3, None, 24), (65, 8, 3, None, 27), (65, 8, 3, 10, 10), (65, 8, 3, 1000, 27), (3, 8, 2, None, 2)],
)
def test_the_steps_of_a_training(features, batch_size, epochs, max_steps, steps):
    course = batching.Course([1] * features, seed=0, epochs=epochs, batch_size=batch_size, max_steps=max_steps)
    assert course.steps == steps


@pytest.mark.parametrize("size", [{"batch_size": 7}, {"batch_tokens": 60}])
def test_no_epoch_is_planned_that_max_steps_does_not_reach(size):
    """Planned to the end, so many epochs would take weeks."""
    course = batching.Course(LENGTHS[:60], seed=0, epochs=10**12, max_steps=30, **size)
    assert course.steps == 30
    assert len(list(itertools.islice(course.after(0), 30))) == 30


def test_a_budget_of_tokens_is_never_passed_and_nearly_used():
    plan = batching.train_plan(LENGTHS, batch_tokens=512, seed=0, epoch=0)
    padded = [len(batch) * max(LENGTHS[at] for at in batch) for batch in plan]
    assert sorted(flat(plan)) == list(range(5000))
    assert max(padded) <= 512
    assert sum(LENGTHS) / 512 <= len(plan) < 1.15 * sum(LENGTHS) / 512
    assert len({len(batch) for batch in plan}) > 10  # many short ones or few long ones


def test_the_budgeted_plan_of_eight_features_is_this_one():
    # By length 1 2 2 3 | 4 4 | 9 | 10: one more in any of them would pass 12 (5 x 4, 3 x 9, 2 x 10).
    lengths = [9, 2, 4, 10, 1, 3, 4, 2]
    plan = batching.train_plan(lengths, batch_tokens=12, seed=0, epoch=0)
    assert sorted(sorted(lengths[at] for at in batch) for batch in plan) == [[1, 2, 2, 3], [4, 4], [9], [10]]


def test_a_budget_as_large_as_all_is_one_step():
    assert len(batching.train_plan([3, 1, 2], batch_tokens=9, seed=0, epoch=0)) == 1
    assert len(batching.train_plan([3, 1, 2], batch_tokens=8, seed=0, epoch=0)) == 2


@pytest.mark.parametrize("size", [{"batch_size": 7}, {"batch_tokens": 60}])
@pytest.mark.parametrize("repeats", [None, [1.0, 1.5] * 30])
def test_a_course_goes_on_after_any_step_as_it_would_have(size, repeats):
    lengths = LENGTHS[:60]
    course = batching.Course(lengths, seed=3, epochs=3, repeats=repeats, **size)
    whole = list(course.after(0))
    assert len(whole) == course.steps == sum(len(course.plan(epoch)) for epoch in range(3))
    assert [batch for _, batch, _ in whole] == [batch for epoch in range(3) for batch in course.plan(epoch)]
    assert [epoch for epoch, _, is_last in whole if is_last] == [0, 1, 2]
    assert len(whole[-1][1]) <= course.largest
    for done in range(len(whole) + 1):
        assert list(course.after(done)) == whole[done:]
