"""Learning rates: up over the warmup, then by each schedule."""

from typing import get_args

import pytest
from making import settled

from hf_suite.config import TrainConfig
from hf_suite.errors import ConfigError
from hf_suite.rates import SCHEDULES, learning_rate


@pytest.mark.parametrize(
    ("schedule", "warmup", "rates"),
    [
        ("linear", 0.0, [1.0, 0.75, 0.5, 0.25]),
        ("linear", 2, [1 / 3, 2 / 3, 1.0, 0.5]),
        ("linear", 0.25, [0.5, 1.0, 2 / 3, 1 / 3]),  # a share of the 4 steps: 1 step
        ("linear", 0.26, [1 / 3, 2 / 3, 1.0, 0.5]),  # 1.04 steps are 2
        ("linear", 9, [0.1, 0.2, 0.3, 0.4]),
        ("constant", 0.0, [1.0, 1.0, 1.0, 1.0]),
        ("constant", 2, [1 / 3, 2 / 3, 1.0, 1.0]),
        # Half of 1 plus the cosine of 0, 45, 90 and 135 degrees.
        ("cosine", 0.0, [1.0, 0.8535533905932737, 0.5, 0.14644660940672624]),
        ("cosine", 2, [1 / 3, 2 / 3, 1.0, 0.5]),
        ("cosine", 9, [0.1, 0.2, 0.3, 0.4]),
        # One over the roots of 1, 2, 3, 4.
        ("inverse_sqrt", 0.0, [1.0, 0.7071067811865475, 0.5773502691896258, 0.5]),
        ("inverse_sqrt", 2, [1 / 3, 2 / 3, 1.0, 0.8660254037844386]),
    ],
)
def test_the_rate_goes_up_over_the_warmup_and_then_by_the_schedule(schedule, warmup, rates):
    config = TrainConfig(learning_rate=1.0, schedule=schedule, warmup=warmup)
    assert [learning_rate(done, 4, config) for done in range(4)] == pytest.approx(rates, rel=1e-12)


def test_the_inverse_root_does_not_depend_on_how_many_steps_there_are():
    config = TrainConfig(learning_rate=2.0, schedule="inverse_sqrt", warmup=1)
    assert learning_rate(7, 10, config) == learning_rate(7, 1000, config) == 1.0


@pytest.mark.parametrize("key", ["learning_rate", "head_learning_rate"])
def test_a_rate_that_no_weight_can_take_is_refused_before_anything_is_built(small_world, tiny_checkpoint, key):
    with pytest.raises(ConfigError) as error:
        settled(small_world, "reviews", tiny_checkpoint("bert"), train={key: 1e39})
    assert str(error.value) == f"train.{key}: 1e+39 is more than a weight of 32 bits can hold; give a rate below 1"


def test_every_schedule_that_a_config_may_name_is_there():
    assert list(SCHEDULES) == list(get_args(TrainConfig.model_fields["schedule"].annotation))
