"""The table of architectures, compared with what the tests train, what transformers has and where LoRA goes."""

import pytest
import test_decoders
import test_masked
import tiny
import transformers
import trips
import writers

from hf_suite.adapters import ADAPTERS
from hf_suite.architectures import ARCHITECTURES
from hf_suite.models.about import about

KINDS = tuple(trips.TASKS)


def test_what_is_called_tested_is_what_the_trips_train():
    trained = {tiny.MODEL_TYPES.get(name, name) for name in (*tiny.ARCHITECTURES, *tiny.OTHERS)}
    said = {name: known.tested for name, known in ARCHITECTURES.items() if known.tested}
    assert said == dict.fromkeys(trained, KINDS)


def test_the_kinds_are_those_for_which_transformers_has_a_class():
    def there(name, kind):
        return ADAPTERS[kind, "head"].auto_model(transformers.CONFIG_MAPPING[name]()) is not None

    found = {name: tuple(kind for kind in KINDS if there(name, kind)) for name in ARCHITECTURES}
    assert {name: known.tested + known.untested for name, known in ARCHITECTURES.items()} == found


def test_the_protocols_called_tested_are_those_that_tests_train():
    writing = {{"mbart50": "mbart"}.get(name, name) for name in writers.ENCODER_DECODERS} | set(test_decoders.DECODERS)
    said = {name: known.protocols for name, known in ARCHITECTURES.items() if known.protocols}
    assert {name for name, protocols in said.items() if "generation" in protocols} == writing & ARCHITECTURES.keys()
    assert {name for name, protocols in said.items() if "likelihood" in protocols} == {"gpt2"}  # test_likelihood.py
    assert {name for name, protocols in said.items() if "masked" in protocols} == {*test_masked.ENCODERS}


@pytest.mark.parametrize("name", [*tiny.ARCHITECTURES, *tiny.OTHERS])
def test_lora_goes_where_the_table_says(tiny_checkpoint, name):
    expected = ARCHITECTURES[tiny.MODEL_TYPES.get(name, name)].targets
    assert [
        ability.targets for ability in about(str(tiny_checkpoint(name))).abilities if ability.protocol == "head"
    ] == [
        expected,
        expected,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, known in ARCHITECTURES.items() if known.untested])
def test_lora_goes_where_the_table_says_of_what_no_trip_trains(name):
    known = ARCHITECTURES[name]
    found = {
        ability.kind: ability.targets
        for ability in about(name).abilities
        if ability.kind in known.untested and ability.protocol == "head"
    }
    assert found == dict.fromkeys(known.untested, known.targets)
