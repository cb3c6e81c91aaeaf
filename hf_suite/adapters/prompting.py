"""DecoderAdapter: a decoder reads a prompt and goes on with the answer; in training only the answer is learnt."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, PretrainedConfig

from hf_suite.adapters.base import Batch, Feature, Given, Settled, Strip, padded
from hf_suite.adapters.prompts import APART, LEAST, Prompts, chats, prompts, settled
from hf_suite.adapters.sampling import row_key
from hf_suite.adapters.writing import WritingAdapter, common, ends, limited, summed_loss, unwritable, writable, written
from hf_suite.config import RunConfig
from hf_suite.kinds import KINDS, Row
from hf_suite.spec import TaskSpec


class DecoderAdapter(WritingAdapter):
    """One feature a row: the prompt, and in training the answer after it.

    The prompt is the kind's question, as a user's turn where the tokenizer has a chat template. `max_length` is the
    prompt's; a longer one loses the end of its longest text, never a word of the question or of a shot.
    """

    version: ClassVar[int] = 3
    peft_task: ClassVar[str] = "CAUSAL_LM"
    pipeline_tag: ClassVar[str] = "text-generation"
    task_head: ClassVar[bool] = False
    wants: ClassVar[str] = "take an encoder-decoder (T5, BART, Marian) or a decoder (GPT-2, Llama)"
    default_length: ClassVar[int] = 512
    looks_at_padding: ClassVar[Mapping[str, float]] = {
        "no_repeat_ngram_size": 0,
        "encoder_no_repeat_ngram_size": 0,
        "encoder_repetition_penalty": 1.0,
    }

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        super().__init__(spec, config, tokenizer)
        self.prompts = prompts(spec, self.wording, tokenizer, shots)

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's class that goes on with a text; None for an encoder, which was never taught to."""
        encoder = type(config) in AutoModelForMaskedLM._model_mapping and not getattr(config, "is_decoder", False)
        return None if encoder else AutoModelForCausalLM._model_mapping.get(type(config), None)

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Wording, limits and generation settings; prompt and answer must fit the model's positions together."""
        chosen, why = common(spec, config, given)
        if given.shots and not chats(given.tokenizer) and "stop_strings" not in chosen:
            chosen["stop_strings"] = [APART]
            why.append("generation.stop_strings: an empty line, which parts the shots")
        lengths, lost = None, []
        if given.train is not None:
            asked = prompts(spec, config.prompt or KINDS[spec.kind].wording(spec), given.tokenizer, ())
            targets = written(spec, given.train)
            lost = unwritable(given.tokenizer, targets)
            pairs = zip(given.train, targets, strict=True)
            lengths = [len(_ended(asked, asked.text(row), answer, chosen)) for row, answer in pairs]
        room = given if given.positions is None else dataclasses.replace(given, positions=given.positions - LEAST)
        over, caveats, how = limited(config, room, chosen, lengths)
        asking, note = settled(spec, config, given, answer=over["max_target_length"])
        return Settled({**over, **asking}, [*why, *how, *note], [*caveats, *lost])

    def train_features(self, rows: Dataset) -> Dataset:
        """Prompt and answer in one, and where the answer begins."""
        asked, _ = self.prompts.fitted(rows, self.max_length)
        chosen = self.settings.to_dict()
        answers = [
            _ended(self.prompts, text, answer, chosen)
            for (text, _), answer in zip(asked, written(self.spec, rows), strict=True)
        ]
        cut = [
            ids[: self.max_target_length - 1] + ids[-1:] if len(ids) > self.max_target_length else ids
            for ids in answers
        ]
        ids = [prompted + answer for (_, prompted), answer in zip(asked, cut, strict=True)]
        begins = [len(prompted) for _, prompted in asked]
        lengths = [len(line) for line in ids]
        return Dataset.from_dict({"row": rows["row"][:], "input_ids": ids, "begins": begins, "length": lengths})

    def shown(self, feature: Feature) -> list[Strip]:
        """The prompt with the answer, which alone is learnt."""
        ids = feature["input_ids"]
        return [Strip("reads", ids, range(feature["begins"], len(ids)))]

    def eval_features(self, rows: Dataset) -> Dataset:
        """The prompt's tokens; counts prompts that were cut."""
        asked, cut = self.prompts.fitted(rows, self.max_length)
        self.noticed(cut)
        ids = [prompted for _, prompted in asked]
        return Dataset.from_dict({"row": rows["row"][:], "input_ids": ids, "length": [len(line) for line in ids]})

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """Prompts filled on the left, so that answers go on from their ends; with answers filled on the right.

        `target` and its mask are what each token but the last is to be followed by, (rows, longest - 1).
        """
        learns = "begins" in features[0]
        lines = [feature["input_ids"] for feature in features]
        longest = max(map(len, lines))
        fill = self.tokenizer.pad_token_id
        batch = {
            "input_ids": padded(lines, fill=fill, left=not learns, length=longest),
            "attention_mask": padded([[1] * len(line) for line in lines], fill=0, left=not learns, length=longest),
            "row_key": torch.tensor([row_key(feature["row"]) for feature in features]),
        }
        if learns:
            marks = [
                [0] * (feature["begins"] - 1) + [1] * (len(feature["input_ids"]) - feature["begins"])
                for feature in features
            ]
            batch["target"] = batch["input_ids"][:, 1:]
            batch["target_mask"] = padded(marks, fill=0, left=False, length=longest - 1)
        return batch

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the answers' tokens alone."""
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
        return summed_loss(logits[:, :-1], batch, self.smoothing)

    def begins(self, batch: Batch) -> int:
        """The prompts' padded length: `generate` returns them before the answers."""
        return int(batch["input_ids"].shape[1])


def _ended(asked: Prompts, text: str, answer: str, generation: dict[str, Any]) -> list[int]:
    """The answer's tokens as they follow the prompt, and an end."""
    end, eos = ends(generation), asked.tokenizer.eos_token_id
    own = [token for token in (eos, *end) if token in end][:1]
    return [*writable(asked.tokenizer, asked.answer_ids(text, answer), generation), *own]
