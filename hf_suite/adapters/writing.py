"""What adapters that write share: rows in words, targets in tokens, generating, and evidence of what was written."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from torch.nn import functional
from transformers import GenerationConfig

from hf_suite.adapters import languages, sampling, settings
from hf_suite.adapters.base import (
    Batch,
    Feature,
    Given,
    check_idle,
    check_no_classes,
    check_no_packing,
    check_row_fits,
    smoothing,
)
from hf_suite.adapters.limits import target_length
from hf_suite.config import RunConfig
from hf_suite.kinds import KINDS, Evidence, Row
from hf_suite.kinds.base import prompt
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

log = logging.getLogger(__name__)

_BARRED = -1_000.0  # a bias on a token's logit that no score makes up for
_LOOKED_AT = 20  # answers whose writing system is compared with their targets'


class WritingAdapter:
    """Writes an answer to each row's question; what reads the question and learns is the subclasses'.

    `config.generation` is settled: it says tokens, search and limit.
    """

    looks_at_padding: ClassVar[Mapping[str, float]]
    """Settings by which transformers takes padding for text, and their idle values; else only rows of one length
    meet, so that there is none."""

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        self.spec, self.tokenizer, self.kind = spec, tokenizer, KINDS[spec.kind]
        self.max_length, self.max_target_length = config.max_length or 0, config.max_target_length or 0
        self.wording, self.seed = config.prompt or "", config.seed
        self.settings = GenerationConfig(**config.generation)
        self.eos = ends(config.generation)
        self.smoothing = smoothing(config)
        self.counts: dict[str, int] = {}
        languages.speak(tokenizer, config.languages)
        check_row_fits(tokenizer, self.max_length, "max_length")

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Any tokenizer will do."""

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """The generation settings, of task and run together. Raises ConfigError."""
        check_idle(config, "generation", "languages", "prompt", "max_target_length", "shots")
        settings.check({**spec.generation, **config.generation})
        check_no_packing(config)
        check_no_classes(config, "what is written is learnt token by token")

    def model_settings(self) -> dict[str, Any]:
        """The generation settings, so that they are saved with the weights."""
        return {"generation_config": self.settings}

    def count(self, batch: Batch) -> int:
        """The targets' real tokens."""
        return int(batch["target_mask"].sum())

    def outputs(self, model: Any, batch: Batch) -> list[list[Any]]:
        """For each row the smallest margin of its best text (0 with beams, where no choice is final), then the texts'
        tokens, best first, without what they begin with and up to the token that ends them."""
        if all(getattr(self.settings, name) in (None, idle) for name, idle in self.looks_at_padding.items()):
            return self._outputs(model, batch)
        found: dict[int, list[Any]] = {}
        lengths = batch["attention_mask"].sum(-1)
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero()[:, 0]
            alike = {name: value[rows] for name, value in batch.items()}
            real = alike["attention_mask"][0].bool()
            alike |= {name: alike[name][:, real] for name in ("input_ids", "attention_mask")}
            found |= dict(zip(rows.tolist(), self._outputs(model, alike), strict=True))
        return [found[at] for at in range(len(lengths))]

    def _outputs(self, model: Any, batch: Batch) -> list[list[Any]]:
        wanted = self.settings.num_return_sequences or 1
        copies = wanted if self.settings.do_sample else 1
        inputs = {
            name: batch[name].repeat_interleave(copies, dim=0) for name in ("input_ids", "attention_mask")
        }  # of a sampled row each text is a sequence of its own
        keys = [sampling.row_key(key, copy) for key in batch["row_key"].tolist() for copy in range(copies)]
        margins, start = sampling.Margins(), self.begins(batch)
        with torch.no_grad():
            found = model.generate(
                **inputs,
                generation_config=sampling.greedy(self.settings),
                logits_processor=sampling.processors(self.settings, keys, self.seed, start=start, margins=margins),
                tokenizer=self.tokenizer if self.settings.stop_strings else None,
            )
        texts = [self._until_end(line) for line in found[:, start:].tolist()]
        groups = [range(at, at + wanted) for at in range(0, len(texts), wanted)]
        beams = (self.settings.num_beams or 1) > 1
        return [
            [0.0 if beams else margins.smallest(group[0], len(texts[group[0]])), *(texts[at] for at in group)]
            for group in groups
        ]

    def begins(self, batch: Batch) -> int:
        """How many tokens of what `generate` returns were there before."""
        return 1

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[list[Any]]) -> Evidence:
        """The texts, whether the best met the limit, and its margin where each token was a choice of its own."""
        margin, *sequences = outputs[0]
        told = [languages.uncoded(ids, self.settings.forced_bos_token_id) for ids in sequences]
        whole = self.tokenizer.batch_decode(told, skip_special_tokens=True)
        texts = [until_stop(text, self.settings).strip() for text in whole]
        ended = sequences[0][-1] in self.eos and self.settings.forced_eos_token_id is None
        stopped = texts[0] != whole[0].strip()
        cut = len(sequences[0]) >= (self.settings.max_new_tokens or 0) and not (ended or stopped)
        self._look_at(row, texts[0])
        beams = (self.settings.num_beams or 1) > 1
        return {"texts": texts, "cut": cut, **({} if beams else {"margin": margin})}

    def questions(self, rows: Dataset) -> list[str]:
        """Each row as the model is to read it."""
        return [prompt(row, self.wording) for row in rows]

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Each row's target encoded and decoded again, without the tokens that the model's checkpoint bars."""
        never = barred(model)
        left_out = () if never is None else never.nonzero().flatten().tolist()
        texts = through(self.tokenizer, written(self.spec, rows), left_out)
        return dict(zip(rows["row"], texts, strict=True))

    def noticed(self, truncated: int) -> None:
        """Counts rows that were cut."""
        self.counts["truncated"] = self.counts.get("truncated", 0) + truncated

    def _until_end(self, ids: list[int]) -> list[int]:
        """Up to the first end, which stays; else without padding."""
        for at, token in enumerate(ids):
            if token in self.eos:
                return ids[: at + 1]
        while len(ids) > 1 and ids[-1] == self.tokenizer.pad_token_id:
            ids = ids[:-1]
        return ids

    def _look_at(self, row: Row, text: str) -> None:
        """Of the first answers, counts those that are in another writing system than their targets, and warns."""
        if self.counts.get("scripts_compared", 0) >= _LOOKED_AT or not self.kind.targets(self.spec) <= row.keys():
            return
        wanted = languages.script(self.kind.written(self.kind.reference(row, self.spec), self.spec))
        found = languages.script(text)
        if wanted is None or found is None:
            return
        self.counts["scripts_compared"] = self.counts.get("scripts_compared", 0) + 1
        self.counts["other_script"] = other = self.counts.get("other_script", 0) + (found != wanted)
        if self.counts["scripts_compared"] == _LOOKED_AT and 2 * other > _LOOKED_AT:
            log.warning(
                "%s of the first %s answers with letters are in another script than their targets", other, _LOOKED_AT
            )


def summed_loss(
    logits: torch.Tensor, batch: Batch, smoothing: float, *, barred: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross-entropy of the real target tokens, summed; `logits` (rows, target length, vocabulary).

    Padding takes no part, and no token does that is `barred` (vocabulary) or whose logit is -inf: as a target it can
    never be written, and would cost more than all others together. Smoothing spreads a share of each target over the
    tokens that the model may write.
    """
    real = batch["target_mask"].bool()
    logits, target = logits[real].float(), batch["target"][real]
    able = logits != -torch.inf
    if barred is not None:
        able = able & ~barred
    learnt = able.gather(-1, target[:, None])[:, 0]
    loss = functional.cross_entropy(logits, target, reduction="none").where(learnt, 0.0).sum()
    if not smoothing:
        return loss
    costs = -functional.log_softmax(logits, dim=-1)
    spread = costs.where(able, 0.0).sum(dim=-1) / able.sum(dim=-1)
    return (1 - smoothing) * loss + smoothing * spread.sum()


def stops(settings: GenerationConfig) -> list[str]:
    """The strings that stop an answer."""
    said = settings.stop_strings or []
    return [said] if isinstance(said, str) else list(said)


def until_stop(text: str, settings: GenerationConfig) -> str:
    """Up to the first of the strings that stop an answer, whose last token may hold more than it."""
    for stop in stops(settings):
        text = text.partition(stop)[0]
    return text


def written(spec: TaskSpec, rows: Dataset) -> list[str]:
    """Each row's target as a model should write it."""
    kind = KINDS[spec.kind]
    return [kind.written(kind.reference(row, spec), spec) for row in rows]


def barred(model: Any) -> torch.Tensor | None:
    """Which tokens a checkpoint never writes (vocabulary), by the bias that BART's kin add to their logits.

    None where it has no such bias. The model may be wrapped.
    """
    biases = (buffer for name, buffer in model.named_buffers() if name.endswith("final_logits_bias"))
    bias = next(biases, None)
    return None if bias is None else bias[0] <= _BARRED


def through(tokenizer: Any, texts: Sequence[str], barred: Collection[int] = ()) -> list[str]:
    """What comes back of texts that a tokenizer encodes, and decodes without the tokens that are barred."""
    ids = tokenizer(text_target=list(texts), verbose=False)["input_ids"]
    code = languages.mark(tokenizer)
    told = [[token for token in languages.uncoded(line, code) if token not in barred] for line in ids]
    return [text.strip() for text in tokenizer.batch_decode(told, skip_special_tokens=True)]


def lost(texts: Sequence[str], others: Sequence[str]) -> int:
    """How many texts are not the others, but for white space."""
    return sum(text.split() != other.split() for text, other in zip(texts, others, strict=True))


def unwritable(tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """The caveat on train targets that a tokenizer cannot write; none where it can."""
    many = lost(texts, through(tokenizer, texts))
    finding = f"train: {many:,} of {len(texts):,} targets cannot be written to the letter by the tokenizer"
    return [finding] if many else []


def writable(tokenizer: Any, ids: Sequence[int], generation: Mapping[str, Any]) -> list[int]:
    """A target's tokens without those that stand for what the tokenizer cannot write: none of them is ever read back.

    Learnt, they would be written in its place; and where a checkpoint bars them, each costs more than all others.
    """
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id not in ends(generation) else None  # GPT-2's is its end
    return [token for token in ids if token != unknown]


def ends(generation: Mapping[str, Any]) -> tuple[int, ...]:
    """The tokens that end an answer."""
    eos = generation.get("eos_token_id")
    return tuple(eos) if isinstance(eos, (list, tuple)) else (eos,) if eos is not None else ()


def common(spec: TaskSpec, config: RunConfig, given: Given) -> tuple[dict[str, Any], list[str]]:
    """The generation settings with the tokens that a tokenizer knows, and why."""
    chosen, notes = settings.settled(
        given.generation, spec.generation, config.generation, as_it_is=config.train is None
    )
    end = given.tokenizer.eos_token_id if given.tokenizer.eos_token_id is not None else given.tokenizer.sep_token_id
    if end is not None:
        chosen.setdefault("eos_token_id", end)
    settings.check_tokens(chosen, given.model_config, given.name)
    return {**chosen, "pad_token_id": given.tokenizer.pad_token_id}, notes


def limited(
    config: RunConfig, given: Given, chosen: dict[str, Any], lengths: Sequence[int] | None
) -> tuple[dict[str, Any], list[str], list[str]]:
    """The two limits as keys of the config, caveats and reasons."""
    limit, caveats, notes = target_length(config, given, lengths)
    return {"max_target_length": limit, "generation": {"max_new_tokens": limit, **chosen}}, caveats, notes
