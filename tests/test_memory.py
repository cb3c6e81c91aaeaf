"""Memory that runs out, by real allocations: what is done again in smaller pieces, and what it equals."""

import os
import signal
from pathlib import Path

import apart
import pytest
import torch
import world
from hungry import MORE_THAN_THERE_IS, room_for

from hf_suite import experiment, loop, memory, record
from hf_suite.answering import answer
from hf_suite.errors import Interrupted, RunError
from hf_suite.stopping import Stopping

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
HALVED = "memory did not hold step 1 in micro-batches of 8; micro-batches of 4 from there on"


def prepared(config):
    return experiment.prepared(config, resume=False, allow_code=False, watch=lambda progress: None, stopping=Stopping())


@pytest.fixture
def settings(small_world, tiny_checkpoint, tmp_path):
    """`settings(name, ...)`: a run of 5 steps of 8 rows, with dropout, in a folder of that name."""

    def made(name, *, still=False, **train):
        keys = {"train": {"max_steps": 5, **train}, "output": str(tmp_path / name)}
        if still:
            return world.run_config(
                small_world, "reviews", tiny_checkpoint("bert", **STILL), lora={"dropout": 0}, **keys
            )
        return world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **keys)

    return made


def losses(config, **keywords):
    """The loss of each step of a run."""
    told = []
    experiment.run(config, watch=lambda progress: told.append(progress.loss), **keywords)
    return [loss for loss in told if loss is not None]


def weights(config):
    return Path(config.output, "model", "adapter_model.safetensors").read_bytes()


def result_of(config):
    return record.read_result(Path(config.output))


# what is known of memory


def raised(function):
    try:
        function()
    except (RuntimeError, MemoryError) as error:
        return error
    return None


def test_errors_of_memory_are_told_from_others():
    assert memory.ran_out(raised(lambda: torch.empty(MORE_THAN_THERE_IS)))
    assert memory.ran_out(raised(lambda: bytearray(2**62)))
    assert memory.ran_out(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."))
    assert not memory.ran_out(raised(lambda: torch.ones(2) @ torch.ones(3)))


@pytest.mark.parametrize(
    ("share", "longest", "size"),
    [(32, 128, 32), (16, 384, 16), (32, 512, 32), (33, 512, 32), (64, 512, 32), (8, 20_000, 1), (8, 0, 8)],
)
def test_a_first_micro_batch_is_the_share_within_sixteen_thousand_tokens(share, longest, size):
    assert memory.first_size(share, longest) == size


def test_what_is_no_matter_of_memory_is_raised_as_it_was():
    error = raised(lambda: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError) as caught:
        memory.smaller(error, 8, RunError("a", "b", "c"))
    assert caught.value is error


# training


def test_a_run_that_memory_does_not_hold_is_the_run_with_the_smaller_micro_batch(settings):
    with room_for(4) as refused:
        found = losses(settings("run"))
    smaller = settings("smaller", micro_batch_size=4)
    assert refused == [8]
    assert found == losses(smaller)
    assert weights(settings("run")) == weights(smaller)  # to the bit, with dropout
    result = result_of(settings("run"))
    assert result.events == [HALVED]
    assert result.resolved["train"]["micro_batch_size"] == 4
    assert "micro_batch_size" not in result.config["train"]


def test_it_is_halved_until_it_fits(settings):
    with room_for(1) as refused:
        experiment.run(settings("run"))
    assert refused == [8, 4, 2]
    result = result_of(settings("run"))
    assert result.events == ["memory did not hold step 1 in micro-batches of 8; micro-batches of 1 from there on"]


def test_a_step_done_again_midway_is_the_same_but_for_rounding(settings):
    whole = losses(settings("whole", still=True))
    session = prepared(settings("run", still=True))
    features = session.adapter.train_features(session.parts.train.rows)
    keys = {"config": session.config.train, "accelerator": session.accelerator, "seed": 0}
    steps = loop.finetune(session.model, session.adapter, features, **keys)
    found = [next(steps), next(steps)]
    with room_for(3):
        found += steps
    assert [step.micro_batch_size for step in found] == [8, 8, 2, 2, 2]
    assert [step.loss for step in found] == pytest.approx(whole, abs=1e-5)


def test_a_resumed_run_does_not_run_out_of_memory_again(settings):
    def stop(progress):
        if progress.stage == "finetune" and progress.done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with room_for(4) as refused, pytest.raises(Interrupted):
        experiment.run(settings("run"), watch=stop)
    with room_for(4) as again:
        result = experiment.run(settings("run"), resume=True)
    smaller = settings("smaller", micro_batch_size=4)
    experiment.run(smaller)
    assert (refused, again) == ([8], [])
    assert weights(settings("run")) == weights(smaller)
    assert result.events == [HALVED]


def test_a_single_row_that_memory_does_not_hold_ends_the_run(settings):
    with room_for(0), pytest.raises(RunError) as error:
        experiment.run(settings("run"))
    assert error.value.place.startswith("step 1, rows ")
    assert str(error.value) == (
        f"{error.value.place}: memory does not hold one feature of them; "
        "lower max_length, or set train.gradient_checkpointing=true"
    )


def refused_in_two(config):
    """What a process of two says when memory runs out in both."""
    session = prepared(config)
    features = session.adapter.train_features(session.parts.train.rows)
    keys = {"config": session.config.train, "accelerator": session.accelerator, "seed": 0}
    try:
        with room_for(3):
            next(loop.finetune(session.model, session.adapter, features, **keys))
    except RunError as error:
        return [error.finding, error.remedy]


def test_several_processes_say_what_to_set(settings):
    assert (
        apart.together(refused_in_two, settings("run"), processes=2)
        == [
            [
                "memory does not hold 4 features at once on each process",
                "set train.micro_batch_size=2 or less, or train.gradient_checkpointing=true",
            ]
        ]
        * 2
    )


# answering


def test_what_memory_does_not_hold_at_once_is_answered_in_parts(settings):
    session = prepared(settings("run"))
    rows, notes = session.parts.eval["validation"].rows, []

    def answered():
        keys = {"accelerator": session.accelerator, "batch_size": 16, "note": notes.append}
        return dict(answer(session.model, session.adapter, rows, **keys))

    whole = answered()
    with room_for(5, training=False) as refused:
        parts = answered()
    assert refused == [16, 8]
    assert notes == [
        "memory does not hold 16 features at once; answered 8 at once from here on",
        "memory does not hold 8 features at once; answered 4 at once from here on",
    ]
    assert list(parts) == list(whole)
    for row in whole:
        assert parts[row]["scores"] == pytest.approx(whole[row]["scores"], abs=1e-5)


def test_a_row_that_memory_does_not_hold_is_named(settings):
    session = prepared(settings("run"))
    rows = session.parts.eval["validation"].rows.select([7])
    with room_for(0, training=False), pytest.raises(RunError) as error:
        list(answer(session.model, session.adapter, rows, accelerator=session.accelerator, batch_size=16))
    assert str(error.value) == "row 7: memory does not hold it alone; lower max_length"


def test_a_run_says_that_it_answered_in_parts(settings):
    with room_for(12, training=False):
        result = experiment.run(settings("run"))
    assert result.events == ["memory does not hold 24 features at once; answered 12 at once from here on"]


def test_the_peak_is_that_of_the_run_and_not_of_what_the_process_did_before():
    before = memory.peak(torch.device("cpu"))
    held = torch.ones(200_000_000, dtype=torch.uint8)
    assert memory.peak(torch.device("cpu")) >= before + 150_000_000
    del held
    memory.forget_peak()
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system cannot begin its high-water mark anew")
    assert memory.peak(torch.device("cpu")) < before + 50_000_000
