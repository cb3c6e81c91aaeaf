"""What a model computes in: chosen by what device and model can do, or as asked, with a word of warning."""

from pathlib import Path

import pytest
import world

import hf_suite
from hf_suite import precision
from hf_suite.errors import ConfigError


def settled(asked, device="cuda", *, fast=False, model="bert", trains=False):
    return precision.settled(asked, device, fast=fast, model_type=model, trains=trains)


def test_auto_takes_what_the_device_does_fast_and_the_model_bears():
    has = "precision: bf16, which this {} computes by instructions of its own"
    assert settled("auto", "cpu", fast=True) == ("bf16", has.format("cpu"))
    assert settled("auto", "cuda", fast=True, model="t5", trains=True) == ("bf16", has.format("cuda"))
    lacks = "precision: fp32, since this {} has no bf16 of its own"
    assert settled("auto", "cpu") == ("fp32", lacks.format("cpu"))
    assert settled("auto", "mps") == ("fp32", lacks.format("mps"))
    assert settled("auto", trains=True) == ("fp32", lacks.format("cuda"))
    chosen = "precision: fp16, since this cuda has no bf16 of its own and nothing is trained"
    assert settled("auto") == ("fp16", chosen)


@pytest.mark.parametrize("model", ["t5", "mt5", "pegasus", "deberta", "deberta-v2"])
def test_fp16_is_never_chosen_for_a_model_that_overflows_in_it(model):
    assert settled("auto", model=model)[0] == "fp32"
    warning = f"precision: fp16, as asked, though models of type {model} overflow in it"
    assert settled("fp16", model=model) == ("fp16", warning)


def test_what_is_asked_for_is_done():
    assert settled("fp32", fast=True) == ("fp32", None)
    assert settled("bf16", fast=True) == ("bf16", None)
    assert settled("fp16", model="bert") == ("fp16", None)
    warning = "precision: bf16, as asked, though this cpu has no instructions for it: fp32 is faster here"
    assert settled("bf16", "cpu") == ("bf16", warning)


@pytest.mark.parametrize(
    ("device", "trains", "finding"),
    [
        ("cpu", False, "fp16 is asked for on a CPU, which has no fast one"),
        ("cuda", True, "fp16 is asked for in training, and its small gradients would vanish"),
    ],
)
def test_fp16_is_for_answering_on_a_gpu(device, trains, finding):
    with pytest.raises(ConfigError) as refused:
        settled("fp16", device, trains=trains)
    assert str(refused.value) == f"precision: {finding}; say precision=auto"


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="what the processor has is read from Linux")
def test_a_result_says_what_auto_was(small_world, tiny_checkpoint, tmp_path):
    notes = []
    settings = world.run_config(
        small_world, "reviews", tiny_checkpoint("bert"), precision="auto", output=str(tmp_path / "run")
    )
    result = hf_suite.run(settings, watch=lambda told: notes.append(told.note))
    flags = Path("/proc/cpuinfo").read_text().split()
    found = "bf16" if "avx512_bf16" in flags or "amx_tile" in flags else "fp32"
    assert (result.precision, result.resolved["precision"], result.config["precision"]) == (found, found, "auto")
    assert [note.partition(",")[0] for note in notes if note.startswith("precision")] == [f"precision: {found}"]
    again = hf_suite.evaluate_run(tmp_path / "run", mirrors=settings.mirror)
    assert (again.precision, again.scores) == (found, result.scores)
    plain = hf_suite.evaluate_run(tmp_path / "run", over={"precision": "fp32"}, mirrors=settings.mirror)
    assert plain.precision == "fp32"
