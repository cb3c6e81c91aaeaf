"""Saving finetuned models of the other architectures and loading them anew, each by the recipe of the first six."""

import apart
import pytest
import reloading
import tiny
import trips
from trips import Case

CASES = [Case(architecture, kind) for architecture in tiny.OTHERS for kind in trips.TASKS]


@pytest.fixture(scope="module")
def gone(tmp_path_factory, tiny_checkpoint, small_world):
    """Every case trained for three steps and saved, beside a base whose heads have become others."""
    root = tmp_path_factory.mktemp("trips")
    return {str(case): trips.out(case, root, tiny_checkpoint, small_world) for case in CASES}


@pytest.fixture(scope="module")
def reloaded(gone):
    """The logits of all of them, loaded by one fresh process."""
    return trips.back(gone)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_saved_model_answers_the_same_in_a_fresh_process_on_a_base_with_other_heads(gone, reloaded, case):
    trip = gone[str(case)]
    assert len(trip.logits) > 0
    assert reloaded[str(case)] == pytest.approx(trip.logits, abs=1e-6, rel=0)
    assert trips.farthest(trip.untrained, trip.logits) > 1e-3


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_tensor_of_a_fresh_part_is_trained_and_saved(gone, case):
    assert trips.untrained_parts(gone[str(case)]) == []
    assert trips.unsaved_parts(gone[str(case)]) == set()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_does_so_in_a_process_that_has_loaded_nothing_else(gone, case):
    trip = gone[str(case)]
    alone = apart.call(reloading.reloaded, {"alone": trip.job})["alone"]
    assert alone == pytest.approx(trip.logits, abs=1e-6, rel=0)
