"""Gradient checkpointing: the layers are computed again, and nothing else is different."""

import accelerate
import pytest
import tiny
import torch
from making import LORA, part

from hf_suite import loop, models
from hf_suite.config import TrainConfig
from hf_suite.errors import ModelError

CONFIG = TrainConfig(batch_size=8, learning_rate=1e-3, clip=None)
LAYERS = {
    "bert": "encoder.layer.0",
    "deberta-v2": "encoder.layer.0",
    "modernbert": "model.layers.0",
    "t5": "encoder.block.0",
    "gpt2": "h.0",
    "llama": "layers.0",
}


def stepped(made, lora, *, again):
    """Loss and gradient of one step with dropout on, and how often the first layer was computed for it."""
    torch.manual_seed(0)
    model = models.build(
        made.located,
        made.cls,
        settings=made.adapter.model_settings(),
        keep_head=False,
        lora=lora,
        peft_task=made.adapter.peft_task,
        pad_token_id=made.tokenizer.pad_token_id,
        gradient_checkpointing=again,
    ).model
    calls = []
    (layer,) = [
        module
        for name, module in model.named_modules()
        if name.endswith(LAYERS[model.config.model_type]) and "decoder" not in name
    ]
    first = next(module for module in layer.modules() if not any(module.children()))
    first.register_forward_pre_hook(lambda *_: calls.append(1))
    features = made.adapter.train_features(made.rows)
    one = accelerate.Accelerator(cpu=True)
    step = next(loop.finetune(model, made.adapter, features, config=CONFIG, accelerator=one, seed=0))
    moments = {name: value for name, value in step.state().optimizer.items() if name.startswith("exp_avg.")}
    return step.loss, moments, len(calls)


@pytest.mark.parametrize("task", ["pairs", "questions"])
@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_loss_and_gradients_are_the_same_and_every_weight_still_gets_its(
    small_world, tiny_checkpoint, architecture, lora, task
):
    made = part(small_world, tiny_checkpoint(architecture), task)
    loss, gradient, once = stepped(made, lora, again=False)
    other_loss, other_gradient, twice = stepped(made, lora, again=True)
    assert twice == 2 * once > 0
    assert other_loss == pytest.approx(loss, abs=1e-6)
    assert other_gradient.keys() == gradient.keys()
    assert all(float((gradient[name] - other_gradient[name]).abs().max()) < 1e-6 for name in gradient)
    # LoRA's second matrix is 0 and gets the first gradient.
    assert lora is None or any(float(value.abs().max()) > 0 for name, value in gradient.items() if "lora_B" in name)


def test_an_architecture_that_cannot_is_refused(small_world, tiny_checkpoint):
    made = part(small_world, tiny_checkpoint("xlnet"), "pairs")
    with pytest.raises(ModelError) as caught:
        stepped(made, None, again=True)
    assert str(caught.value) == (
        "xlnet: XLNetForSequenceClassification cannot compute activations again; "
        "leave train.gradient_checkpointing out; lower train.micro_batch_size"
    )
