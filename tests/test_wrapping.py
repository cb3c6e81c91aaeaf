"""What PEFT hands on to the model that it wraps: LoRA that has not been trained changes no output."""

import pytest
import torch
from making import LORA, built, part

from hf_suite.adapters import take

TASKS = {"classification": "pairs", "question_answering": "questions"}


def outputs(made, *, lora):
    torch.manual_seed(1)  # the same head twice: it is drawn before the matrices of LoRA
    model = built(made, lora=lora).model.eval()
    features = made.adapter.eval_features(made.rows.select(range(4)))
    batch = made.adapter.collate(take(features, range(len(features))))
    with torch.inference_mode():
        return batch, torch.tensor(flat(made.adapter.outputs(model, batch)))


def flat(value):
    return [number for part in value for number in flat(part)] if isinstance(value, (list, tuple)) else [float(value)]


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("architecture", ["bert", "albert", "electra", "roberta", "deberta-v2"])
def test_lora_that_is_untrained_reads_what_the_model_alone_reads(architecture, kind, tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint(architecture), TASKS[kind])
    batch, alone = outputs(made, lora=None)
    _, wrapped = outputs(made, lora=LORA)

    assert (alone - wrapped).abs().max() < 1e-6
    if architecture in ("bert", "albert", "electra"):
        assert set(batch["token_type_ids"][batch["attention_mask"].bool()].tolist()) == {0, 1}
