"""Dealing row numbers: fixed permutations, nested limits, shares and groups."""

import numpy

from hf_suite import split


def test_a_permutation_follows_from_the_name_alone():
    # sorted by sha256(sha256(b"sst2") + number as 8 bytes), computed with sha256sum
    assert split.permutation(6, "sst2").tolist() == [4, 5, 0, 1, 3, 2]
    assert split.permutation(6, "cola").tolist() != split.permutation(6, "sst2").tolist()


def test_a_permutation_of_fewer_rows_is_that_of_more_without_the_others():
    longer = split.permutation(100, "sst2")
    assert longer[longer < 40].tolist() == split.permutation(40, "sst2").tolist()


def test_a_smaller_limit_takes_a_part_of_what_a_larger_one_takes():
    ten, thirty = split.first(100, 10, "mrpc"), split.first(100, 30, "mrpc")
    assert (len(ten), len(thirty)) == (10, 30)
    assert set(ten) < set(thirty)
    assert thirty.tolist() == sorted(thirty.tolist())
    assert ten.tolist() != list(range(10))


def test_no_limit_and_a_limit_beyond_the_rows_take_all_in_order():
    assert split.first(4, None, "mrpc").tolist() == [0, 1, 2, 3]
    assert split.first(4, 4, "mrpc").tolist() == [0, 1, 2, 3]
    assert split.first(4, 9, "mrpc").tolist() == [0, 1, 2, 3]


def test_shares_of_one_in_all_leave_no_row_out_and_none_twice():
    parts = split.cut(1001, {"train": 0.45, "tune": 0.05, "eval": 0.5})
    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 450, "tune": 51, "eval": 500}
    assert sorted(numpy.concatenate(list(parts.values())).tolist()) == list(range(1001))


def test_shares_below_one_in_all_leave_the_rest_in_no_part():
    parts = split.cut(10, {"train": 0.5, "eval": 0.2})
    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 5, "eval": 2}


def test_another_seed_is_another_cut_and_the_same_seed_the_same():
    shares = {"train": 0.5, "eval": 0.5}
    groups = [number // 7 for number in range(210)]
    for grouping in (None, groups):
        cuts = [split.cut(210, shares, groups=grouping, seed=seed)["eval"].tolist() for seed in (0, 0, 1)]
        assert cuts[0] == cuts[1]
        assert cuts[0] != cuts[2]


def test_groups_never_straddle_two_parts():
    groups = [f"title {number * number % 37}" for number in range(2000)]
    parts = split.cut(2000, {"train": 0.6, "tune": 0.1, "eval": 0.3}, groups=groups)
    sides = [{groups[number] for number in numbers} for numbers in parts.values()]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert sorted(numpy.concatenate(list(parts.values())).tolist()) == list(range(2000))


def test_whole_groups_come_as_near_to_the_shares_as_they_can():
    groups = [*"aaaaaa", *"bbb", *"c"]  # 6, 3 and 1 rows: shares of 60, 30 and 10 percent fit exactly
    parts = split.cut(10, {"eval": 0.1, "train": 0.6, "tune": 0.3}, groups=groups)
    assert {part: numbers.tolist() for part, numbers in parts.items()} == {
        "eval": [9],
        "train": [0, 1, 2, 3, 4, 5],
        "tune": [6, 7, 8],
    }


def test_groups_beyond_the_shares_are_left_out_whole():
    groups = [number // 10 for number in range(100)]
    parts = split.cut(100, {"train": 0.3, "eval": 0.2}, groups=groups)
    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 30, "eval": 20}
    assert not {groups[number] for number in parts["train"]} & {groups[number] for number in parts["eval"]}


def test_strata_have_their_share_in_every_part():
    strata = ["rare" if number % 10 == 0 else "common" for number in range(200)]

    parts = split.cut(200, {"train": 0.8, "tune": 0.1, "eval": 0.1}, strata=strata)

    rare = {part: sum(strata[number] == "rare" for number in numbers) for part, numbers in parts.items()}
    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 160, "tune": 20, "eval": 20}
    assert rare == {"train": 16, "tune": 2, "eval": 2}


def test_groups_stay_whole_among_strata():
    groups = [number // 2 for number in range(100)]
    strata = [number // 2 % 2 for number in range(100)]

    parts = split.cut(100, {"train": 0.8, "eval": 0.2}, groups=groups, strata=strata)

    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 80, "eval": 20}
    assert {groups[number] for number in parts["train"]} & {groups[number] for number in parts["eval"]} == set()


def test_every_row_stands_in_one_fold():
    folds = [split.fold(23, 5, number, strata=["a", "b"] * 11 + ["a"]) for number in range(5)]

    assert sorted(numpy.concatenate(folds).tolist()) == list(range(23))
    assert [len(fold) for fold in folds] == [5, 4, 5, 4, 5]


def test_by_time_the_latest_rows_come_last_and_no_moment_is_torn():
    parts = split.by_time([5, 1, 2, 4, 4, 3], {"train": 0.6, "eval": 0.4})

    assert {part: numbers.tolist() for part, numbers in parts.items()} == {"train": [1, 2, 3, 4, 5], "eval": [0]}


def test_rows_alike_by_either_grouping_are_one_group():
    found = split.joined(["x", "x", "y", "z"], [1, 2, 2, 3])

    assert len(set(found[:3])) == 1
    assert found[3] not in found[:3]
