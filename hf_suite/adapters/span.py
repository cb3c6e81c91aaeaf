"""SpanAdapter: extractive question answering by start and end logits over windows of the context."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy
import torch
from datasets import Dataset
from torch.nn import functional
from transformers import AutoModelForQuestionAnswering, PretrainedConfig

from hf_suite.adapters.base import (
    Batch,
    Feature,
    Given,
    Settled,
    Strip,
    check_idle,
    check_no_classes,
    check_no_packing,
    check_row_fits,
    model_inputs,
    padded,
    padded_inputs,
    smoothing,
    stand_in,
)
from hf_suite.config import RunConfig
from hf_suite.errors import ModelError
from hf_suite.kinds import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.metrics.squad import normalize
from hf_suite.spec import TaskSpec

MAX_ANSWER_TOKENS = 30  # as in the official BERT and run_qa decoders
N_BEST = 20
_BLOCK = 1000  # rows tokenised at once


class SpanAdapter:
    """A feature is a window: question and part of the context, neighbours sharing `stride` tokens.

    `starts` and `ends` give each token's characters in the context, -1 outside it. The null score is read at the token
    that stands for "no answer", found by its id: CLS, else BOS, else the window's first token.
    """

    version: ClassVar[int] = 2  # 2: LoRA sees which text a token belongs to, which PEFT kept from it
    peft_task: ClassVar[str] = "QUESTION_ANS"
    pipeline_tag: ClassVar[str] = "question-answering"
    task_head: ClassVar[bool] = True
    wants: ClassVar[str] = "take an encoder, or another architecture that has one"
    default_length: ClassVar[int] = 384

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        self.spec, self.tokenizer = spec, tokenizer
        self.max_length = config.max_length or self.default_length
        self.stride = min(config.stride, self.max_length // 3)
        self.smoothing = smoothing(config)
        self.counts: dict[str, int] = {}
        check_row_fits(tokenizer, self.max_length // 3, "max_length")

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Spans are read off the text, so each token must know its characters. Raises ModelError."""
        if not tokenizer.is_fast or "offset_mapping" not in tokenizer("a", return_offsets_mapping=True):
            raise ModelError(
                place,
                f"{type(tokenizer).__name__} does not say which characters a token stands for, as spans need",
                "take a checkpoint with a tokenizer.json (a fast tokenizer)",
            )

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """No key that only writing or classes read. Raises ConfigError."""
        check_idle(config)
        check_no_packing(config)
        check_no_classes(config, "an answer is a place in its context")

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Nothing of its own."""
        return Settled()

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's span class."""
        return AutoModelForQuestionAnswering._model_mapping.get(type(config), None)

    def model_settings(self) -> dict[str, Any]:
        """Two outputs a token: start and end."""
        return {"num_labels": 2}

    def train_features(self, rows: Dataset) -> Dataset:
        """Windows with the first gold answer's start and end token; the null token where the window lacks it."""
        features = []
        for row, window in self._windows(rows):
            golds = list(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))
            span = _token_span(window, golds[0][0], golds[0][0] + len(golds[0][1])) if golds else None
            start, end = span or (window["null"], window["null"])
            kept = {name: window[name] for name in window if name not in ("starts", "ends")}
            features.append({**kept, "start": start, "end": end})
        return _columns(features)

    def shown(self, feature: Feature) -> list[Strip]:
        """The window, with the span's tokens or the one that stands for no answer."""
        start, end = feature["start"], feature["end"]
        wanted = "no answer in this window" if start == feature["null"] else "the marked span"
        return [Strip("reads", feature["input_ids"], range(start, end + 1)), Strip("learns", text=wanted)]

    def eval_features(self, rows: Dataset) -> Dataset:
        """Windows with their characters; counts questions that were cut and gold answers that no span can give."""
        features: list[dict[str, Any]] = []
        lost = 0
        for _, group in itertools.groupby(self._windows(rows), key=lambda pair: pair[0]["row"]):
            pairs = list(group)
            row, windows = pairs[0][0], [window for _, window in pairs]
            features += windows
            lost += bool(row.get("answers") and row["answers"]["text"]) and not _reproducible(row, windows)
        self.counts["answers_not_reproducible"] = self.counts.get("answers_not_reproducible", 0) + lost
        return _columns(features)

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Nothing is written."""
        return {}

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """Inputs padded to the longest; positions counted in the padded window."""
        batch = padded_inputs(features, self.tokenizer)
        length = batch["input_ids"].shape[1]
        left = self.tokenizer.padding_side == "left"
        shift = torch.tensor([length - feature["length"] if left else 0 for feature in features])
        batch["shift"] = shift
        for name in ("null", "start", "end"):
            if name in features[0]:
                batch[name] = torch.tensor([feature[name] for feature in features]) + shift
        if "starts" in features[0]:
            inside = [[start >= 0 for start in feature["starts"]] for feature in features]
            batch["inside"] = padded(inside, fill=0, left=left, length=length).bool()
        return batch

    def count(self, batch: Batch) -> int:
        """Windows."""
        return len(batch["input_ids"])

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """The mean of the start's and the end's cross-entropy over all tokens, summed over the windows.

        Smoothed by a share e, the target is 1 - e on its token plus e / tokens on each token that is no padding.
        """
        start, end = _logits(model, batch)
        real = batch["attention_mask"] == 1
        both = _cross_entropy(start, batch["start"], real, self.smoothing)
        return (both + _cross_entropy(end, batch["end"], real, self.smoothing)) / 2

    def outputs(self, model: Any, batch: Batch) -> list[tuple[float, list[tuple[int, int, float]]]]:
        """Of each window the null score and its N_BEST spans (first token, last token, score), exact over all spans."""
        start, end = _logits(model, batch)
        null = start.gather(1, batch["null"][:, None])[:, 0] + end.gather(1, batch["null"][:, None])[:, 0]
        start = start.masked_fill(~batch["inside"], -torch.inf)
        end = end.masked_fill(~batch["inside"], -torch.inf)
        reach = min(MAX_ANSWER_TOKENS, start.shape[1])
        ends = torch.stack([functional.pad(end[:, more:], (0, more), value=-torch.inf) for more in range(reach)], dim=2)
        scores = (start[:, :, None] + ends).flatten(1)
        best = scores.topk(min(N_BEST, scores.shape[1]), dim=1)
        first = best.indices // reach - batch["shift"][:, None]
        last = first + best.indices % reach
        windows = zip(null.tolist(), first.tolist(), last.tolist(), best.values.tolist(), strict=True)
        return [
            (score, [span for span in zip(*spans, strict=True) if span[2] > -numpy.inf]) for score, *spans in windows
        ]

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[Any]) -> Evidence:
        """The row's N_BEST spans over all its windows, and the lowest null score of them."""
        found: dict[tuple[int, int], float] = {}
        for start, end, score in _placed(row["context"], features, outputs):
            if start < end:
                found[start, end] = max(score, found.get((start, end), score))
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:N_BEST]
        spans = [[row["context"][start:end], start, end, score] for (start, end), score in ranked]
        return {"spans": spans, "null": min(null for null, _ in outputs)}

    def _windows(self, rows: Dataset) -> Iterator[tuple[Row, dict[str, Any]]]:
        """Every window beside its row, in row order."""
        for at in range(0, len(rows), _BLOCK):
            block = rows[at : at + _BLOCK]
            questions = self._shortened(block["question"])
            encoded = self.tokenizer(
                questions,
                block["context"],
                truncation="only_second",
                max_length=self.max_length,
                stride=self.stride,
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
                return_attention_mask=False,
            )
            for window, source in enumerate(encoded["overflow_to_sample_mapping"]):
                row = {name: values[source] for name, values in block.items()}
                yield row, self._window(row, encoded, window)

    def _window(self, row: Row, encoded: Any, at: int) -> dict[str, Any]:
        ids = encoded["input_ids"][at] or [stand_in(self.tokenizer)]
        inside = [part == 1 for part in encoded.sequence_ids(at)] or [False]
        offsets = encoded["offset_mapping"][at] or [(0, 0)]
        window = {
            "row": row["row"],
            "input_ids": ids,
            "length": len(ids),
            "null": self._null_position(ids),
            "starts": [start if is_inside else -1 for (start, _), is_inside in zip(offsets, inside, strict=True)],
            "ends": [end if is_inside else -1 for (_, end), is_inside in zip(offsets, inside, strict=True)],
        }
        if "token_type_ids" in encoded:
            window["token_type_ids"] = encoded["token_type_ids"][at] or [0]
        return window

    def _null_position(self, ids: Sequence[int]) -> int:
        for token in (self.tokenizer.cls_token_id, self.tokenizer.bos_token_id):
            if token is not None and token in ids:
                return ids.index(token)
        return 0

    def _shortened(self, questions: Sequence[str]) -> list[str]:
        """Questions cut to a third of the window, so that every window has room for context; cuts are counted."""
        limit = self.max_length // 3
        encoded = self.tokenizer(list(questions), add_special_tokens=False, return_offsets_mapping=True)
        out = []
        for question, offsets in zip(questions, encoded["offset_mapping"], strict=True):
            cut = len(offsets) > limit
            self.counts["questions_cut"] = self.counts.get("questions_cut", 0) + cut
            out.append(question[: offsets[limit - 1][1]] if cut else question)
        return out


def _logits(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Start and end logits, each (windows, tokens), fp32, padding at -inf."""
    result = model(**model_inputs(batch))
    padding = batch["attention_mask"] == 0
    own = slice(-padding.shape[1], None)  # what a PEFT method puts before the text is no part of it
    return (
        result.start_logits[:, own].float().masked_fill(padding, -torch.inf),
        result.end_logits[:, own].float().masked_fill(padding, -torch.inf),
    )


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, real: torch.Tensor, share: float) -> torch.Tensor:
    """Summed over the windows; torch's own smoothing would count padding, whose logits are -inf."""
    plain = functional.cross_entropy(logits, targets, reduction="sum")
    if not share:
        return plain
    spread = -logits.log_softmax(dim=1).where(real, 0.0).sum(dim=1) / real.sum(dim=1)
    return (1 - share) * plain + share * spread.sum()


def _token_span(window: Mapping[str, Any], start: int, end: int) -> tuple[int, int] | None:
    """First and last token of the characters start..end; None where the window does not hold them all."""
    starts, ends = numpy.asarray(window["starts"]), numpy.asarray(window["ends"])
    inside = numpy.flatnonzero(starts >= 0)
    if not len(inside) or starts[inside[0]] > start or ends[inside[-1]] < end:
        return None
    first = inside[numpy.argmax(ends[inside] > start)]
    last = inside[numpy.flatnonzero(starts[inside] < end)[-1]]
    return (int(first), int(last)) if first <= last else None


def _reproducible(row: Row, windows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some span that can be answered reads as a gold answer: at its place, or else anywhere in the context."""
    golds = {normalize(text) for text in row["answers"]["text"]}
    places = list(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))
    marked = [(window, _token_span(window, start, start + len(text))) for window in windows for start, text in places]
    if any(span and _reads(row, window, *span) in golds for window, span in marked):
        return True
    return any(_reads(row, window, *span) in golds for window in windows for span in _token_spans(window))


def _token_spans(window: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """First and last token of every span that can be answered."""
    inside = [at for at, start in enumerate(window["starts"]) if start >= 0]
    for at, first in enumerate(inside):
        yield from ((first, last) for last in inside[at : at + MAX_ANSWER_TOKENS])


def _reads(row: Row, window: Mapping[str, Any], first: int, last: int) -> str | None:
    """The span's normalised text; None where it is too long to be answered."""
    if last - first >= MAX_ANSWER_TOKENS:
        return None
    return normalize(row["context"][window["starts"][first] : window["ends"][last]])


def _placed(context: str, features: Sequence[Feature], outputs: Sequence[Any]) -> Iterator[tuple[int, int, float]]:
    """Start and end in the context, and score, of every span of every window."""
    for feature, (_, spans) in zip(features, outputs, strict=True):
        for first, last, score in spans:
            yield *_stripped(context, feature["starts"][first], feature["ends"][last]), score


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters start..end of text without the white space around them."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _columns(features: Sequence[Mapping[str, Any]]) -> Dataset:
    return Dataset.from_dict({name: [feature[name] for feature in features] for name in features[0]})
