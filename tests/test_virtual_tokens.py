"""PEFT methods that put vectors of their own before the text: where spans are read then, and where they cannot work."""

import pytest
import torch
import world
from making import built, part, settled, train

from hf_suite.adapters import take
from hf_suite.adapters.base import model_inputs
from hf_suite.adapters.span import _logits as span_logits
from hf_suite.config import LoraConfig
from hf_suite.errors import ConfigError, ModelError


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


@pytest.mark.parametrize("method", ["prompt", "prefix", "p_tuning"])
def test_a_span_is_read_in_the_text_and_not_in_what_stands_before_it(tiny_checkpoint, small_world, method):
    made = part(small_world, tiny_checkpoint("roberta", type_vocab_size=1), "questions")
    torch.manual_seed(1)
    ready = built(made, lora=LoraConfig(method=method).used())
    features = made.adapter.train_features(made.rows)
    batch = made.adapter.collate(take(features, range(4)))
    # Spans that are sure of their place: the logits of the gold tokens are raised in the head's own outputs.
    steps = train(ready.model, made, world.run_config(small_world, "questions", made.located.folder).train)
    start, _ = span_logits(ready.model.eval(), batch)
    assert start.shape == batch["input_ids"].shape
    whole = ready.model(**model_inputs(batch)).start_logits
    before = whole.shape[1] - start.shape[1]
    assert before == {"prompt": 20, "prefix": 0, "p_tuning": 20}[method]
    inside = batch["attention_mask"].bool()
    assert torch.equal(start[inside], whole[:, before:][inside])
    assert all(step.loss > 0 for step in steps)


@pytest.mark.parametrize(
    ("architecture", "task", "method", "message"),
    [
        (
            "bert",
            "questions",
            "prompt",
            "BertForQuestionAnswering: under prompt in PEFT it is not told which text a token belongs to "
            "(token_type_ids); ",
        ),
        (
            "gpt2",
            "pairs",
            "prompt",
            "GPT2ForSequenceClassification: under prompt in PEFT its outputs depend on the padding beside a text; ",
        ),
        (
            "t5",
            "pairs",
            "prompt",
            "T5ForSequenceClassification: prompt does not work with it in PEFT "
            "(Passing input embeddings is currently not supported for T5ForSequenceClassification); ",
        ),
        (
            "modernbert",
            "questions",
            "prefix",
            "ModernBertForQuestionAnswering: prefix does not work with it in PEFT "
            "(Model does not support past key values which are required for prefix tuning.); ",
        ),
    ],
)
def test_vectors_before_the_text_are_refused_where_the_model_then_reads_another_place(
    tiny_checkpoint, small_world, architecture, task, method, message
):
    made = part(small_world, tiny_checkpoint(architecture), task)
    found = refusal(built, made, lora=LoraConfig(method=method).used())
    assert found == f"{message}take another method, such as lora"


def test_vectors_before_the_text_take_their_share_of_the_positions(tiny_checkpoint, small_world):
    model = tiny_checkpoint("bert", max_position_embeddings=64)
    lora = {"method": "prompt", "rank": None}
    assert settled(small_world, "questions", model, lora=lora, max_length=None).config.max_length == 44
    assert refusal(settled, small_world, "questions", model, lora=lora, max_length=45) == (
        "max_length: 45 tokens, and bert has positions for 44 beside those that prompt puts before them; "
        "say max_length=44 or less"
    )
