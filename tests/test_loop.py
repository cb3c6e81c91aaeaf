"""The training loop: rates, decay, clipping, accumulation, resuming, and what is not finite."""

import math

import numpy
import pytest
import torch
from accelerate import Accelerator
from stepping import STILL, Line, Sum, difference, finetuned, points, prepared, steps_of

from hf_suite import loop
from hf_suite.config import TrainConfig
from hf_suite.errors import RunError


def test_norms_and_biases_do_not_decay():
    model = Line()
    steps = steps_of(model, lambda output: output * 0, points((1.0, 1.0)), weight_decay=0.1)
    assert [step.learning_rate for step in steps] == [0.5]
    # Without a gradient AdamW only decays: 2 - 0.5 * 0.1 * 2.
    assert model.weight.tolist() == [[pytest.approx(1.9, rel=1e-6)] * 2]
    assert (model.gain.item(), model.bias.item()) == (2.0, 2.0)


def test_a_parameter_may_have_a_rate_of_its_own_and_decays_by_it():
    model = Line()
    features, rates = points((1.0, 1.0)), {"weight": 3.0, "bias": 0.5}
    (step,) = steps_of(model, lambda output: output, features, times=rates, learning_rate=0.1, weight_decay=0.1)
    assert step.learning_rate == 0.1
    # Adam's first step is the rate, whatever the gradient; the weight decays by 0.3 * 0.1 of itself before it.
    assert model.weight.tolist() == [[pytest.approx(2 * 0.97 - 0.3, rel=1e-6)] * 2]
    assert model.gain.item() == pytest.approx(1.9, rel=1e-6)
    assert model.bias.item() == pytest.approx(1.95, rel=1e-6)


@pytest.mark.parametrize(
    ("lora", "fresh"),
    [
        ({"rank": 4}, ("base_model.model.classifier.", "base_model.model.bert.pooler.")),
        (None, ("classifier.", "bert.pooler.")),
    ],
)
def test_the_head_and_what_the_checkpoint_lacks_learn_at_the_heads_rate(small_world, tiny_checkpoint, lora, fresh):
    train = {"learning_rate": 1e-3, "head_learning_rate": 1e-2, "warmup": 0.0, "weight_decay": 0.0, "clip": None}
    session = prepared(small_world, tiny_checkpoint("bert"), lora=lora, train=train)
    before = {name: value.detach().clone() for name, value in session.model.named_parameters()}
    _, state = finetuned(session, 1)
    moved = {name: float((value - before[name]).abs().max()) for name, value in state.weights.items()}
    heads = {name for name in moved if name.startswith(fresh)}
    assert len(heads) == 4
    # Adam's first step moves each weight by the rate, or by less where the gradient is all but 0.
    assert {round(moved[name], 5) for name in heads} == {0.01}
    assert max(moved[name] for name in moved.keys() - heads) == pytest.approx(1e-3, rel=1e-3)


def test_every_step_uses_its_own_rate():
    model = Line()
    features = points((1.0, 1.0), (1.0, 1.0))
    steps = steps_of(model, lambda output: output * 0, features, weight_decay=0.1, batch_size=1)
    assert [step.learning_rate for step in steps] == [0.5, 0.25]
    assert model.weight.tolist() == [[pytest.approx(2 * 0.95 * 0.975, rel=1e-6)] * 2]


@pytest.mark.parametrize(
    ("clip", "average"),
    # Gradients of w, gain and bias at x = (3, 4): 2 * (3, 4), 14 and 1, of norm sqrt(297); Adam keeps a tenth.
    [
        (None, [0.6, 0.8, 1.4, 0.1]),
        (100.0, [0.6, 0.8, 1.4, 0.1]),
        (1.0, [0.6 / 297**0.5, 0.8 / 297**0.5, 1.4 / 297**0.5, 0.1 / 297**0.5]),
    ],
)
def test_a_gradient_longer_than_the_clip_is_shortened_to_it(clip, average):
    (step,) = steps_of(Line(), lambda output: output, points((3.0, 4.0)), clip=clip)
    moments = step.state().optimizer
    found = [*moments["exp_avg.weight"][0].tolist(), moments["exp_avg.gain"].item(), moments["exp_avg.bias"].item()]
    assert found == pytest.approx(average, rel=1e-5)


def test_a_step_is_the_mean_over_its_features_also_where_it_has_fewer():
    features = points((1.0, 0.0), (1.0, 0.0), (1.0, 0.0))
    losses = [step.loss for step in steps_of(Line(), lambda output: output * 0 + 6, features, batch_size=2)]
    assert losses == [6.0, 6.0]


def test_a_step_tells_its_place_its_rows_and_its_tokens():
    features = points(*[(float(at), 1.0) for at in range(5)])
    steps = list(steps_of(Line(), lambda output: output * 0, features, batch_size=2, epochs=2, max_steps=5))
    assert [(step.step, step.steps, step.epoch, step.ends_epoch) for step in steps] == [
        (1, 5, 0, False),
        (2, 5, 0, False),
        (3, 5, 0, True),
        (4, 5, 1, False),
        (5, 5, 1, True),  # max_steps ends the epoch early
    ]
    assert sorted(row for step in steps[:3] for row in step.rows) == ["p0", "p1", "p2", "p3", "p4"]
    assert [step.tokens for step in steps] == [2 * len(step.rows) for step in steps]


def test_three_steps_can_be_taken_of_many(small_world, tiny_checkpoint):
    session = prepared(small_world, tiny_checkpoint("bert"), train={"max_steps": None, "epochs": 100})
    steps, _ = finetuned(session, 3)
    assert [(step.step, step.steps) for step in steps] == [(1, 800), (2, 800), (3, 800)]  # 64 rows in batches of 8
    assert all(math.isfinite(step.loss) for step in steps)


def one_step(session):
    """The gradient, the weights after it, and the loss of the first step."""
    (step,), state = finetuned(session, 1)
    gradient = {
        name.removeprefix("exp_avg."): 10 * value  # Adam keeps a tenth of the first
        for name, value in state.optimizer.items()
        if name.startswith("exp_avg.")
    }
    return gradient, state.weights, step.loss


@pytest.mark.parametrize(("lora", "rate"), [({"dropout": 0.0}, 1e-3), (None, 5e-5)])
@pytest.mark.parametrize("name", ["reviews", "likeness", "questions"])
def test_accumulation_does_not_change_a_step(small_world, tiny_checkpoint, name, lora, rate):
    def step(micro_batch_size):
        train = {"learning_rate": rate, "warmup": 0.0, "clip": None, "micro_batch_size": micro_batch_size}
        return one_step(prepared(small_world, tiny_checkpoint("bert", **STILL), name, lora=lora, train=train))

    gradient, weights, loss = step(8)
    for size in (1, 2, 3):
        other_gradient, other_weights, other_loss = step(size)
        assert other_loss == pytest.approx(loss, abs=1e-6)
        assert difference(gradient, other_gradient) < 1e-6
        for part in weights:
            # Where the true gradient is 0 (a key's bias, a span head's bias) Adam makes a step of its rounding.
            moved = gradient[part].abs() > 1e-7
            assert float(((weights[part] - other_weights[part]) * moved).abs().max()) < 1e-6


@pytest.mark.parametrize("name", ["reviews", "questions"])
def test_accumulation_does_not_change_a_smoothed_step(small_world, tiny_checkpoint, name):
    def step(micro_batch_size):
        train = {"label_smoothing": 0.2, "clip": None, "micro_batch_size": micro_batch_size}
        made = prepared(small_world, tiny_checkpoint("bert", **STILL), name, lora={"dropout": 0.0}, train=train)
        return one_step(made)

    gradient, _, loss = step(8)
    other_gradient, _, other_loss = step(3)
    assert other_loss == pytest.approx(loss, abs=1e-6)
    assert difference(gradient, other_gradient) < 1e-6


OWN = {"head_learning_rate": 0.02, "schedule": "inverse_sqrt", "gradient_checkpointing": True}


@pytest.mark.parametrize(
    ("lora", "train"), [({"rank": 4}, {}), (None, {}), ({"rank": 4}, OWN), ({"rank": 4}, {"batch_tokens": 90})]
)
def test_a_training_goes_on_bit_for_bit_from_its_state(small_world, tiny_checkpoint, lora, train):
    def session():
        return prepared(small_world, tiny_checkpoint("bert"), lora=lora, train={"max_steps": 12, **train})

    steps, whole = finetuned(session(), 12)
    first, middle = finetuned(session(), 5)  # within the first epoch of 8 steps, with dropout
    second, end = finetuned(session(), 12, start=middle)
    assert [step.loss for step in first + second] == [step.loss for step in steps]
    assert [step.rows for step in first + second] == [step.rows for step in steps]
    assert all(torch.equal(whole.weights[name], end.weights[name]) for name in whole.weights)
    assert all(torch.equal(whole.optimizer[name], end.optimizer[name]) for name in whole.optimizer)


def test_a_feature_longer_than_the_budget_of_a_step_is_named_before_anything_is_learnt():
    features = points((1.0, 1.0), (2.0, 1.0))
    with pytest.raises(RunError) as error:
        next(steps_of(Line(), lambda output: output, features, batch_tokens=1))
    assert str(error.value) == (
        "train.batch_tokens=1: row p0 has 2 tokens, more than a step may have; say 2 or more, or lower max_length"
    )


def test_a_state_does_not_change_with_later_steps():
    steps = steps_of(Line(), lambda output: output, points((1.0, 1.0), (2.0, 1.0)), batch_size=1)
    state = next(steps).state()
    before = {name: value.clone() for name, value in state.weights.items()}
    next(steps)
    assert all(torch.equal(before[name], state.weights[name]) for name in before)


def test_a_state_of_another_model_is_refused():
    start = loop.State(1, {"weight": torch.zeros(1, 2)}, {})
    steps = loop.finetune(
        Line(),
        Sum(lambda output: output),
        points((1.0, 1.0), (2.0, 2.0)),
        config=TrainConfig(learning_rate=0.1, batch_size=1),
        accelerator=Accelerator(cpu=True),
        seed=0,
        start=start,
    )
    with pytest.raises(RunError) as error:
        next(steps)
    assert str(error.value) == (
        "checkpoint: holds other weights than the model trains (bias, ...); use another output folder"
    )


def test_weights_that_get_no_gradient_are_kept_and_resumed():
    class Idle(Line):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.ones(3))

    features = points((1.0, 1.0), (2.0, 2.0))
    state = next(steps_of(Idle(), lambda output: output, features, batch_size=1)).state()
    settings = TrainConfig(learning_rate=0.5, warmup=0.0, epochs=1, batch_size=1)
    model = Idle()
    steps = loop.finetune(
        model,
        Sum(lambda output: output),
        features,
        config=settings,
        accelerator=Accelerator(cpu=True),
        seed=0,
        start=state,
    )
    assert [step.step for step in steps] == [2]
    assert model.unused.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_at_its_step_and_names_the_rows(poison):
    values = [(float(at), 1.0) for at in range(6)]
    rows = [step.rows for step in steps_of(Line(), lambda output: output, points(*values), batch_size=2)]
    bad = rows[1][0]  # in the second of three steps
    values[int(bad[1:])] = (poison, 1.0)
    model = Line()
    steps = steps_of(model, lambda output: output, points(*values), batch_size=2)
    assert next(steps).rows == rows[0]
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with pytest.raises(RunError) as error:
        next(steps)
    assert str(error.value) == (
        f"step 2, rows {rows[1][0]}, {rows[1][1]}: the loss is {poison}; "
        "lower train.learning_rate, or look at these rows"
    )
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_stops_at_its_step_although_the_loss_is_finite():
    model = Line()
    # The root of 0 is 0, and its slope there is infinite.
    steps = steps_of(model, lambda output: torch.sqrt(output - output), points((1.0, 1.0)))
    with pytest.raises(RunError) as error:
        next(steps)
    assert str(error.value) == (
        "step 1, rows p0: the gradient's norm is nan; lower train.learning_rate, or look at these rows"
    )
    assert [parameter.flatten().tolist() for parameter in model.parameters()] == [[2.0, 2.0], [2.0], [2.0]]


def test_an_error_names_at_most_eight_rows():
    features = points(*[(1.0, 1.0)] * 9)
    (clean,) = steps_of(Line(), lambda output: output, features, batch_size=9)
    with pytest.raises(RunError) as error:
        next(steps_of(Line(), lambda output: output * math.nan, features, batch_size=9))
    assert error.value.place == f"step 1, rows {', '.join(clean.rows[:8])}, ..."


def test_a_poisoned_weight_stops_the_first_step(small_world, tiny_checkpoint):
    session = prepared(small_world, tiny_checkpoint("bert"))
    with torch.no_grad():
        next(parameter for parameter in session.model.parameters() if parameter.requires_grad).view(-1)[0] = math.nan
    with pytest.raises(RunError) as error:
        finetuned(session, 1)
    assert error.value.finding == "the loss is nan"


def test_bf16_is_near_fp32_and_keeps_weights_in_fp32(small_world, tiny_checkpoint):
    losses = {}
    for precision in ("fp32", "bf16"):
        session = prepared(small_world, tiny_checkpoint("bert", **STILL), precision=precision, lora={"dropout": 0.0})
        steps, state = finetuned(session, 3)
        losses[precision] = [step.loss for step in steps]
        assert {value.dtype for value in state.weights.values()} == {torch.float32}
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.03)


def test_training_leaves_numpy_s_chance_alone(small_world, tiny_checkpoint):
    numpy.random.seed(3)
    before = numpy.random.get_state()[1].tolist()
    finetuned(prepared(small_world, tiny_checkpoint("bert")), 1)
    assert numpy.random.get_state()[1].tolist() == before
