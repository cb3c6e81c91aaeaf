"""DecoderAdapter: a decoder reads a prompt and goes on with the answer; in training only the answer is learnt."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, PretrainedConfig

from hf_suite.adapters.base import Batch, Feature, Given, Settled, padded
from hf_suite.adapters.sampling import row_key
from hf_suite.adapters.writing import WritingAdapter, common, ends, limited, summed_loss, written
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS, Row
from hf_suite.kinds.base import prompt
from hf_suite.spec import TaskSpec

_ROUNDS = 8  # of cutting a text until its prompt fits; each leaves at most what tokens joined anew


class DecoderAdapter(WritingAdapter):
    """One feature a row: the prompt, and in training the answer after it.

    The prompt is the kind's question, as a user's turn where the tokenizer has a chat template. `max_length` is the
    prompt's; a longer one loses the end of its longest text, never a word of the question.
    """

    version: ClassVar[int] = 1
    peft_task: ClassVar[str] = "CAUSAL_LM"
    pipeline_tag: ClassVar[str] = "text-generation"
    task_head: ClassVar[bool] = False
    wants: ClassVar[str] = "take an encoder-decoder (T5, BART, Marian) or a decoder (GPT-2, Llama)"
    default_length: ClassVar[int] = 512
    looks_at_padding: ClassVar[Mapping[str, float]] = {"no_repeat_ngram_size": 0}

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's class that goes on with a text; None for an encoder, which was never taught to."""
        encoder = type(config) in AutoModelForMaskedLM._model_mapping and not getattr(config, "is_decoder", False)
        return None if encoder else AutoModelForCausalLM._model_mapping.get(type(config), None)

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Wording, limits and generation settings; prompt and answer must fit the model's positions together."""
        if config.languages:
            raise ConfigError("languages", f"{given.name}'s tokenizer knows none", "take the key out")
        wording = config.prompt or KINDS[spec.kind].wording(spec)
        chosen, why = common(spec, config, given)
        lengths = None
        if given.train is not None:
            pairs = zip(given.train, written(spec, given.train), strict=True)
            asked = ((question(given.tokenizer, row, wording), answer) for row, answer in pairs)
            lengths = [len(_answer_ids(given.tokenizer, text, answer, chosen)) for text, answer in asked]
        room = given if given.positions is None else dataclasses.replace(given, positions=given.positions - _LEAST)
        over, caveats, how = limited(config, room, chosen, lengths)
        length, note = _prompt_length(config, given, over["max_target_length"])
        chat = ["prompt: put as a user's turn, by the tokenizer's chat template"] if _chats(given.tokenizer) else []
        return Settled({**over, "prompt": wording, "max_length": length}, [*chat, *why, *how, *note], caveats)

    def train_features(self, rows: Dataset) -> Dataset:
        """Prompt and answer in one, and where the answer begins."""
        asked, _ = self._prompts(rows)
        chosen = self.settings.to_dict()
        answers = [
            _answer_ids(self.tokenizer, text, answer, chosen)
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

    def eval_features(self, rows: Dataset) -> Dataset:
        """The prompt's tokens; counts prompts that were cut and answers that cannot be written."""
        asked, cut = self._prompts(rows)
        self.noticed(rows, truncated=cut)
        ids = [prompted for _, prompted in asked]
        return Dataset.from_dict({"row": rows["row"][:], "input_ids": ids, "length": [len(line) for line in ids]})

    def collate(self, features: Sequence[Feature]) -> Batch:
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

    def _prompts(self, rows: Dataset) -> tuple[list[tuple[str, list[int]]], int]:
        """Each row's prompt as text and tokens, and how many were longer than max_length."""
        found, cut = [], 0
        for row in rows:
            text = question(self.tokenizer, row, self.wording)
            ids = _prompt_ids(self.tokenizer, text)
            if len(ids) > self.max_length:
                cut += 1
                text, ids = self._shortened(row, ids)
            found.append((text, ids))
        return found, cut

    def _shortened(self, row: Row, ids: list[int]) -> tuple[str, list[int]]:
        """The prompt with its longest text cut so that it fits; from its own end where no text is left to cut."""
        row = dict(row)
        roles = [name for name in re.findall(r"\{(\w+)\}", self.wording) if isinstance(row.get(name), str)]
        text = question(self.tokenizer, row, self.wording)
        for _ in range(_ROUNDS if roles else 0):
            role = max(roles, key=lambda name: len(row[name]))
            tokens = self.tokenizer(row[role], add_special_tokens=False, verbose=False)["input_ids"]
            kept = max(0, len(tokens) - (len(ids) - self.max_length))
            row[role] = self.tokenizer.decode(tokens[:kept], skip_special_tokens=True)
            text = question(self.tokenizer, row, self.wording)
            ids = _prompt_ids(self.tokenizer, text)
            if len(ids) <= self.max_length:
                return text, ids
        return text, ids[-self.max_length :]


_LEAST = 8  # tokens that are left for a prompt, as RunConfig.max_length has it


def question(tokenizer: Any, row: Row, wording: str) -> str:
    """The row in words, as a user's turn where the tokenizer knows turns."""
    text = prompt(row, wording)
    if not _chats(tokenizer):
        return text
    turns = [{"role": "user", "content": text}]
    return str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))


def _chats(tokenizer: Any) -> bool:
    return bool(getattr(tokenizer, "chat_template", None))


def _prompt_ids(tokenizer: Any, text: str) -> list[int]:
    """A prompt's tokens; a chat template has written the special ones itself, and no end stands before an answer."""
    ids = list(tokenizer(text, add_special_tokens=not _chats(tokenizer), verbose=False)["input_ids"])
    while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id and not _chats(tokenizer):
        ids.pop()
    return ids or [tokenizer.eos_token_id]


def _answer_ids(tokenizer: Any, text: str, answer: str, generation: dict[str, Any]) -> list[int]:
    """The answer's tokens as they follow the prompt, and an end."""
    gap = "" if _chats(tokenizer) or text[-1:].isspace() else " "
    before = _prompt_ids(tokenizer, text)
    whole = _prompt_ids(tokenizer, f"{text}{gap}{answer}")
    joined = whole[: len(before)] == before
    ids = whole[len(before) :] if joined else tokenizer(answer, add_special_tokens=False, verbose=False)["input_ids"]
    end = ends(generation)
    own = [token for token in (tokenizer.eos_token_id, *end) if token in end][:1]
    return [*ids, *own]


def _prompt_length(config: RunConfig, given: Given, answer: int) -> tuple[int, list[str]]:
    """Tokens for the prompt beside an answer of that limit. Raises ConfigError where what is said leaves no room."""
    length, most = given.max_length, given.positions
    if most is None or length + answer <= most:
        return length, []
    if config.max_length is not None:
        finding = f"{length} tokens and {answer} for the answer, and {given.name} has positions for {most}"
        raise ConfigError("max_length", finding, f"say max_length={most - answer} or less")
    return most - answer, [f"max_length: {most - answer}, which leaves the answer its {answer} of {most} positions"]
