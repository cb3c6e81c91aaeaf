"""A base held in 4 or 8 bits: what is refused, and, where bitsandbytes is installed, that LoRA trains beside it."""

import importlib.util

import pytest
import world

import hf_suite
from hf_suite import config as configs
from hf_suite import models
from hf_suite.config import ModelConfig
from hf_suite.errors import ConfigError, ModelError

INSTALLED = importlib.util.find_spec("bitsandbytes") is not None
WIDE = {
    "bert": {"hidden_size": 128, "intermediate_size": 256},
    "t5": {"d_model": 128, "d_kv": 64, "d_ff": 256, "num_heads": 2},
}  # bitsandbytes packs 64 numbers at a time


@pytest.mark.parametrize("lora", [None, {"method": "pissa"}], ids=str)
def test_weights_held_in_few_bits_cannot_be_trained_themselves(lora):
    with pytest.raises(ConfigError) as caught:
        configs.read(None, {"task": "rte", "model": {"id": "m", "quantize": "nf4"}, "lora": lora})

    assert str(caught.value) == (
        "command line: model.quantize=nf4 holds weights that cannot be trained; train beside them by "
        "lora.method=lora, rslora, or leave model.quantize out"
    )


@pytest.mark.skipif(INSTALLED, reason="bitsandbytes is installed")
def test_without_bitsandbytes_the_line_that_installs_it_is_said(tiny_checkpoint):
    with pytest.raises(ModelError) as caught:
        models.locate(ModelConfig(id=str(tiny_checkpoint("bert")), quantize="int8"))

    assert str(caught.value) == "model.quantize: bitsandbytes is not installed; pip install bitsandbytes"


@pytest.mark.skipif(not INSTALLED, reason="bitsandbytes is not installed (pip install bitsandbytes)")
@pytest.mark.parametrize("quantize", ["nf4", "int8"])
@pytest.mark.parametrize("architecture", WIDE)
def test_lora_trains_beside_a_quantised_base_and_is_loaded_beside_it_again(
    architecture, quantize, tiny_checkpoint, small_world, tmp_path
):
    base = str(tiny_checkpoint(architecture, **WIDE[architecture]))
    model = {"model": {"id": base, "quantize": quantize}}
    config = world.run_config(small_world, "pairs", base, **model, output=str(tmp_path / "run"))
    result = hf_suite.run(config)  # its proof of the saved weights allows 1e-6
    again = hf_suite.evaluate_run(tmp_path / "run", mirrors=config.mirror)

    whole = hf_suite.run(world.run_config(small_world, "pairs", base, output=str(tmp_path / "whole")))
    assert again.scores == result.scores
    assert result.model["parameters"] == whole.model["parameters"]
    assert result.history[0]["train_loss"] != whole.history[0]["train_loss"]
