"""The table of architectures, compared with what the tests train, what transformers has and where LoRA goes."""

import pytest
import tiny
import transformers
import trips

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


@pytest.mark.parametrize("name", [*tiny.ARCHITECTURES, *tiny.OTHERS])
def test_lora_goes_where_the_table_says(tiny_checkpoint, name):
    expected = ARCHITECTURES[tiny.MODEL_TYPES.get(name, name)].targets
    assert [ability.targets for ability in about(str(tiny_checkpoint(name))).abilities if ability.kind in KINDS] == [
        expected,
        expected,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, known in ARCHITECTURES.items() if known.untested])
def test_lora_goes_where_the_table_says_of_what_no_trip_trains(name):
    known = ARCHITECTURES[name]
    found = {ability.kind: ability.targets for ability in about(name).abilities if ability.kind in known.untested}
    assert found == dict.fromkeys(known.untested, known.targets)
