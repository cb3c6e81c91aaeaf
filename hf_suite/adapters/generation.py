"""EncoderDecoderAdapter: reads a text and writes one, token by token, with an encoder-decoder."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from transformers import AutoModelForSeq2SeqLM, PretrainedConfig

from hf_suite.adapters import languages
from hf_suite.adapters.base import Batch, Feature, Given, Settled, Strip, padded, padded_inputs, stand_in
from hf_suite.adapters.sampling import row_key
from hf_suite.adapters.writing import (
    WritingAdapter,
    barred,
    common,
    ends,
    limited,
    summed_loss,
    unwritable,
    writable,
    written,
)
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS
from hf_suite.spec import TaskSpec


class EncoderDecoderAdapter(WritingAdapter):
    """One feature a row: what the encoder reads, and in training the target that the decoder learns to write."""

    version: ClassVar[int] = 2
    peft_task: ClassVar[str] = "SEQ_2_SEQ_LM"
    pipeline_tag: ClassVar[str] = "text2text-generation"
    task_head: ClassVar[bool] = False
    wants: ClassVar[str] = "take an encoder-decoder (T5, BART, Marian) or a decoder (GPT-2, Llama)"
    default_length: ClassVar[int] = 512
    looks_at_padding: ClassVar[Mapping[str, float]] = {
        "encoder_repetition_penalty": 1.0,
        "encoder_no_repeat_ngram_size": 0,
    }

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's class that generates a text from another."""
        return AutoModelForSeq2SeqLM._model_mapping.get(type(config), None)

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Languages, wording, limits, and the generation settings with the tokens that the languages ask for."""
        if given.shots:
            finding = f"{given.name} reads with an encoder, which was never shown answered rows"
            raise ConfigError("shots", finding, "leave the key out, or take a decoder (GPT-2, Llama)")
        codes, taught = _languages(spec, config, given)
        wording, notes = languages.wording(
            config.prompt, _own(spec), taught, task=_task(spec), name=given.name, as_it_is=config.train is None
        )
        given = _as_taught(spec, given, wording) if config.train is None else given
        languages.speak(given.tokenizer, codes)
        chosen, why = common(spec, config, given)
        if chosen.get("guidance_scale") not in (None, 1):
            finding = f"{chosen['guidance_scale']}, and {given.name} reads no prompt that it could do without"
            raise ConfigError("generation.guidance_scale", finding, "take it out, or take a decoder (GPT-2, Llama)")
        chosen = {**_start(given), **chosen, **languages.begin(given.tokenizer, codes)}
        if chosen.get("decoder_start_token_id") is None:
            finding = f"{given.name} does not say with which token its answers begin"
            raise ConfigError("generation.decoder_start_token_id", finding, "say its id")
        lengths, lost = None, []
        if given.train is not None:
            targets = written(spec, given.train)
            lengths = [len(line) for line in _targets(given.tokenizer, targets, chosen, max_length=None)]
            lost = unwritable(given.tokenizer, targets)
        over, caveats, how = limited(config, given, chosen, lengths)
        told = [f"languages: reads {codes['source']}, writes {codes['target']}"] if codes else []
        return Settled({**over, "prompt": wording, "languages": codes}, [*told, *notes, *why, *how], [*caveats, *lost])

    def train_features(self, rows: Dataset) -> Dataset:
        """Source and target tokens; `length` is both together."""
        sources, _ = self._sources(rows)
        chosen = self.settings.to_dict()
        targets = _targets(self.tokenizer, written(self.spec, rows), chosen, max_length=self.max_target_length)
        lengths = [len(source) + len(target) for source, target in zip(sources, targets, strict=True)]
        return Dataset.from_dict({"row": rows["row"][:], "input_ids": sources, "target": targets, "length": lengths})

    def shown(self, feature: Feature) -> list[Strip]:
        """The source, and the target, every token of which is learnt."""
        target = feature["target"]
        return [Strip("reads", feature["input_ids"]), Strip("writes", target, range(len(target)))]

    def eval_features(self, rows: Dataset) -> Dataset:
        """Source tokens; counts sources that were cut."""
        sources, cut = self._sources(rows)
        self.noticed(cut)
        lengths = [len(source) for source in sources]
        return Dataset.from_dict({"row": rows["row"][:], "input_ids": sources, "length": lengths})

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """Sources, and where there are targets what the decoder reads and is to write, each (rows, longest)."""
        batch = padded_inputs(features, self.tokenizer)
        batch["row_key"] = torch.tensor([row_key(feature["row"]) for feature in features])
        if "target" not in features[0]:
            return batch
        start, pad = self.settings.decoder_start_token_id, self.tokenizer.pad_token_id
        targets = [feature["target"] for feature in features]
        longest = max(map(len, targets))
        before = [[start, *target[:-1]] for target in targets]
        batch["decoder_input_ids"] = padded(before, fill=pad, left=False, length=longest)
        batch["target"] = padded(targets, fill=pad, left=False, length=longest)
        batch["target_mask"] = padded([[1] * len(target) for target in targets], fill=0, left=False, length=longest)
        return batch

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the target tokens, from the logits: T5's own loss divides by a batch's own count."""
        names = ("input_ids", "attention_mask", "decoder_input_ids")
        logits = model(**{name: batch[name] for name in names}, use_cache=False).logits
        return summed_loss(logits, batch, self.smoothing, barred=barred(model))

    def _sources(self, rows: Dataset) -> tuple[list[list[int]], int]:
        """Each row's tokens, and how many rows were longer than max_length."""
        texts = self.questions(rows)
        whole = self.tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]
        long = [at for at, line in enumerate(whole) if len(line) > self.max_length]
        if long:
            cut = self.tokenizer(
                [texts[at] for at in long], truncation=True, max_length=self.max_length, return_attention_mask=False
            )["input_ids"]
            for at, line in zip(long, cut, strict=True):
                whole[at] = line
        return [line or [stand_in(self.tokenizer)] for line in whole], len(long)


def _own(spec: TaskSpec) -> str:
    """The source alone; of other kinds the question in words."""
    kind = KINDS[spec.kind]
    return "{source}" if "source" in kind.inputs else kind.wording(spec)


def _task(spec: TaskSpec) -> str:
    """The task by the name that T5's config gives it: `summarization`, `translation_en_to_de`."""
    pair = [spec.languages["source"], "to", spec.languages["target"]] if spec.languages else []
    return "_".join([spec.kind, *pair])


def _languages(spec: TaskSpec, config: RunConfig, given: Given) -> tuple[dict[str, str], dict[str, str]]:
    """The checkpoint's codes for source and target, and the prefixes that it was taught, by task."""
    codes, mark = languages.spoken(given.tokenizer, config.languages, spec.languages, name=given.name)
    if mark is not None:
        return codes, {_task(spec): f"{mark} "}
    return codes, {} if codes else languages.prefixes(given.model_config)


def _as_taught(spec: TaskSpec, given: Given, wording: str) -> Given:
    """The checkpoint with the habits that its config has for the task: by its name, or by the prefix of the wording.

    T5 says beams and lengths there, as others do in their generation config.
    """
    by_task = getattr(given.model_config, "task_specific_params", None) or {}
    begun = (facts for facts in by_task.values() if facts.get("prefix") and wording.startswith(facts["prefix"]))
    taught = by_task.get(_task(spec)) or next(begun, None)
    if taught is None:
        return given
    habits = copy.deepcopy(given.generation)
    habits.update(**{name: value for name, value in taught.items() if name != "prefix"})
    return dataclasses.replace(given, generation=habits)


def _start(given: Given) -> dict[str, Any]:
    start = getattr(given.model_config, "decoder_start_token_id", None)
    return {} if start is None else {"decoder_start_token_id": start}


def _targets(
    tokenizer: Any, texts: Sequence[str], generation: dict[str, Any], *, max_length: int | None
) -> list[list[int]]:
    """Target tokens with an end, and without the token that the decoder begins with anyway."""
    start = generation["decoder_start_token_id"]
    lines = tokenizer(text_target=list(texts), return_attention_mask=False, verbose=False)["input_ids"]
    lines = [line[1:] if line[0:1] == [start] and len(line) > 1 else line for line in lines]
    return [_ended(writable(tokenizer, line, generation), ends(generation), max_length) for line in lines]


def _ended(line: list[int], end: tuple[int, ...], max_length: int | None) -> list[int]:
    """The tokens, cut before their end if they are too many. Old tokenizers write a language's code after the end."""
    last = next((at for at in range(max(0, len(line) - 2), len(line)) if line[at] in end), len(line))
    close = line[last:] or list(end[:1])
    return [*line[:last][: None if max_length is None else max_length - len(close)], *close]
