"""Choosing tokens: the warpers of sampling, noise that makes sampling repeatable, and how near each choice was."""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy
import torch
from transformers import GenerationConfig, LogitsProcessor
from transformers.generation import logits_process

SAMPLING = ("temperature", "top_h", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
"""Fields of GenerationConfig that mean something in sampling alone, in the order in which transformers applies them."""


def greedy(settings: GenerationConfig) -> GenerationConfig:
    """The same settings as of a search that takes the highest score; what sampling adds is `processors`'."""
    fields = {name: value for name, value in settings.to_dict().items() if name not in (*SAMPLING, "do_sample")}
    return GenerationConfig(**{**fields, "do_sample": False, "num_return_sequences": _found(settings)})


def processors(settings: GenerationConfig, keys: Sequence[int], seed: int, *, start: int, margins: "Margins") -> Any:
    """What `generate` applies to the scores of each step besides its own processors.

    Sampling is exact: the highest of (log-probability + Gumbel noise) is a draw from the warped distribution (Gumbel
    1954; Maddison et al. 2014). The noise depends on (seed, row, step) alone, so neither batch size nor processes
    change a text. `keys` holds a number for each sequence, `start` is the length of what the decoder begins with.
    """
    steps: list[LogitsProcessor] = []
    if settings.do_sample:
        steps = [*_warpers(settings), Gumbel(keys, seed, start=start)]
    return logits_process.LogitsProcessorList([*steps, margins])


def row_key(row: Any, sequence: int = 0) -> int:
    """A number that stands for a row's id (and which of its sequences): 63 bits of sha256."""
    digest = hashlib.sha256(f"{row!r} {sequence}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Gumbel(LogitsProcessor):
    """Adds standard Gumbel noise, drawn anew for each (seed, row, step)."""

    def __init__(self, keys: Sequence[int], seed: int, *, start: int) -> None:
        self.keys, self.seed, self.start = keys, seed, start

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`scores` of shape (sequences, vocabulary), warped, plus noise of the same shape."""
        step = input_ids.shape[1] - self.start
        noise = numpy.stack(
            [
                numpy.random.default_rng([self.seed, key, step]).gumbel(size=scores.shape[1]).astype(numpy.float32)
                for key in self.keys
            ]
        )
        return scores + torch.from_numpy(noise).to(scores.device)


class Margins(LogitsProcessor):
    """Keeps how far the highest score stood above the second at each step; changes no score."""

    def __init__(self) -> None:
        self.gaps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Keeps a gap for each sequence and returns `scores` as they are."""
        best = scores.topk(2, dim=-1).values
        self.gaps.append((best[:, 0] - best[:, 1]).float().cpu())
        return scores

    def smallest(self, sequence: int, steps: int) -> float:
        """The smallest gap of a sequence's first `steps` choices; nan where a score was; a large one where forced."""
        gaps = [float(gap[sequence]) for gap in self.gaps[:steps]]
        if any(map(math.isnan, gaps)):
            return math.nan
        return min([gap for gap in gaps if math.isfinite(gap)], default=1e9)


def _found(settings: GenerationConfig) -> int:
    """Sequences that the search itself returns for one input: of a sampled row, each is an input of its own."""
    return 1 if settings.do_sample else settings.num_return_sequences or 1


def _warpers(settings: GenerationConfig) -> list[Any]:
    """The warpers that the settings ask for; a value that changes nothing asks for none."""
    given = {name: getattr(settings, name) for name in SAMPLING}
    makers = {
        "temperature": logits_process.TemperatureLogitsWarper,
        "top_h": logits_process.TopHLogitsWarper,
        "top_k": logits_process.TopKLogitsWarper,
        "top_p": logits_process.TopPLogitsWarper,
        "min_p": logits_process.MinPLogitsWarper,
        "typical_p": logits_process.TypicalLogitsWarper,
        "epsilon_cutoff": logits_process.EpsilonLogitsWarper,
        "eta_cutoff": logits_process.EtaLogitsWarper,
    }
    idle = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "typical_p": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0}
    return [maker(given[name]) for name, maker in makers.items() if given[name] not in (None, idle.get(name))]
