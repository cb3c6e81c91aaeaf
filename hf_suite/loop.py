"""finetune(): the training loop, a generator of Steps. Knows nothing of tasks, kinds, metrics or files."""

import contextlib
import functools
import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from datasets import Dataset

from hf_suite import batching, memory, rates, sharding
from hf_suite.adapters import Adapter, Batch, take
from hf_suite.config import TrainConfig
from hf_suite.errors import RunError


@dataclass(frozen=True)
class State:
    """Everything that a training needs to go on after `step` steps, bit for bit.

    The batch plan is a pure function, the rate depends on the step alone, and chance is seeded anew for each step, so
    neither sampler, schedule nor random generators are part of it.
    """

    step: int
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Step:
    """One optimizer step, done."""

    step: int
    """Steps done, this one included."""
    steps: int
    """Steps of the whole training."""
    epoch: int
    """From 0."""
    ends_epoch: bool
    loss: float
    """Mean over the step's features, over all processes."""
    learning_rate: float
    rows: tuple[Any, ...]
    """Row ids of the step's features."""
    tokens: int
    """Real (unpadded) tokens of the step."""
    micro_batch_size: int
    """Features per forward pass from this step on: fewer than asked for where memory did not hold them."""
    state: Callable[[], State]
    """All processes must ask for it."""


@dataclass(frozen=True)
class _Planned:
    """What one step learns from."""

    adapter: Adapter
    features: Dataset
    indices: Sequence[int]
    step: int

    def where(self) -> str:
        """The place of an error."""
        rows = list(dict.fromkeys(self.features[list(self.indices)]["row"]))
        listed = ", ".join(map(str, rows[:8])) + (", ..." if len(rows) > 8 else "")
        return f"step {self.step}, rows {listed}"


def finetune(
    model: Any,
    adapter: Adapter,
    features: Dataset,
    *,
    config: TrainConfig,
    accelerator: Accelerator,
    seed: int,
    start: State | None = None,
    times: Mapping[str, float] | None = None,
) -> Iterator[Step]:
    """Updates `model` in place and yields after each optimizer step; `times` as of `_groups`.

    The same features meet in each step, and weigh the same, at every micro-batch size and number of processes. A step
    that memory does not hold is done again in smaller micro-batches. Raises RunError at the step whose loss or gradient
    is not finite, or that memory does not hold at all, before the weights change.
    """
    wrapped = sharding.wrapped(model, accelerator)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    optimizer = _optimizer(trained, config, times or {}, start)
    course = course_of(features, config, seed=seed)
    steps, done = course.steps, start.step if start is not None else 0
    size = config.micro_batch_size or -(-course.largest // accelerator.num_processes)
    for step, (epoch, planned, is_last) in zip(range(done + 1, steps + 1), course.after(done), strict=False):
        data = _Planned(adapter, features, planned, step)
        rate = rates.learning_rate(step - 1, steps, config)
        wrapped.train()
        loss, size = _held(wrapped, data, size=size, seed=seed, accelerator=accelerator)
        _update(trained, optimizer, rate=rate, clip=config.clip, where=data.where)
        yield Step(
            step=step,
            steps=steps,
            epoch=epoch,
            ends_epoch=is_last or step == steps,
            loss=loss,
            learning_rate=rate,
            rows=tuple(features[planned]["row"]),
            tokens=sum(course.lengths[index] for index in planned),
            micro_batch_size=size,
            state=functools.partial(_state, trained, optimizer, step),
        )


def _optimizer(
    trained: Mapping[str, torch.nn.Parameter],
    config: TrainConfig,
    times: Mapping[str, float],
    start: State | None,
) -> torch.optim.Optimizer:
    """AdamW, with the moments of `start`, whose weights go into the parameters."""
    optimizer = torch.optim.AdamW(_groups(trained, config.weight_decay, times), lr=0.0, fused=True)
    if start is not None:
        _restore(trained, optimizer, start)
    return optimizer


def course_of(features: Dataset, config: TrainConfig, *, seed: int) -> batching.Course:
    """What is learnt at which step. Raises RunError where one feature alone is longer than train.batch_tokens."""
    lengths = features["length"][:]
    longest = max(lengths, default=0)
    if config.batch_tokens is not None and longest > config.batch_tokens:
        finding = f"row {features['row'][lengths.index(longest)]} has {longest:,} tokens, more than a step may have"
        raise RunError(
            f"train.batch_tokens={config.batch_tokens}", finding, f"say {longest} or more, or lower max_length"
        )
    return batching.Course(
        lengths,
        seed=seed,
        epochs=config.epochs,
        batch_size=config.batch_size,
        batch_tokens=config.batch_tokens,
        max_steps=config.max_steps,
        repeats=features["repeats"][:] if "repeats" in features.column_names else None,
    )


def _groups(
    trained: Mapping[str, torch.nn.Parameter], weight_decay: float, times: Mapping[str, float]
) -> list[dict[str, Any]]:
    """The optimizer's groups, each with its decay and its multiple of the rate.

    `times` gives the multiple by a part of the weights' names (`lora_B`: 16), of several the first; else it is 1. No
    decay on norms and biases, which are the parameters with fewer than two dimensions.
    """
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    for many, decays in itertools.product((1.0, *times.values()), (True, False)):
        decay = weight_decay if decays else 0.0
        groups.setdefault((many, decays), {"params": [], "weight_decay": decay, "times": many})
    for name, parameter in trained.items():
        many = next((many for part, many in times.items() if part in name), 1.0)
        groups[many, parameter.ndim >= 2]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


def _held(wrapped: Any, data: _Planned, *, size: int, seed: int, accelerator: Accelerator) -> tuple[float, int]:
    """Adds up the step's gradient; its loss, and the micro-batch size at which memory held it.

    Each attempt is seeded alike, so that the step is the one that a training begun with this size would have done.
    """
    largest = -(-len(data.indices) // accelerator.num_processes)
    while True:
        _seed(seed, data.step - 1, accelerator.process_index)
        try:
            return _gradients(wrapped, data, size=size, accelerator=accelerator), size
        except (RuntimeError, MemoryError) as error:  # torch's CPU allocator raises a plain RuntimeError
            size = _smaller(error, min(size, largest), processes=accelerator.num_processes, where=data.where)
        wrapped.zero_grad(set_to_none=True)
        memory.free()


def _smaller(error: Exception, size: int, *, processes: int, where: Callable[[], str]) -> int:
    """The size to try after `size`. Raises RunError where there is none, or where the other processes wait already."""
    if processes > 1 and size > 1 and memory.ran_out(error):
        remedy = f"set train.micro_batch_size={size // 2} or less, or train.gradient_checkpointing=true"
        raise RunError(where(), f"memory does not hold {size} features at once on each process", remedy) from error
    remedy = "lower max_length, or set train.gradient_checkpointing=true"
    return memory.smaller(error, size, RunError(where(), "memory does not hold one feature of them", remedy))


def _gradients(wrapped: Any, data: _Planned, *, size: int, accelerator: Accelerator) -> float:
    """Adds up the gradient of the step's mean loss; returns that loss over all processes."""
    ranks, adapter, planned = accelerator.num_processes, data.adapter, data.indices
    shares = batching.shares(planned, micro_batch_size=size, rank=accelerator.process_index, processes=ranks)
    # A rank without features runs one with weight 0: every rank must take part in each exchange of gradients.
    taken = [take(data.features, share or planned[:1]) for share in shares]
    batches = [_moved(adapter.collate(features, draw=data.step), accelerator.device) for features in taken]
    weights = [1.0 if share else 0.0 for share in shares]
    counts = sum(adapter.count(batch) * int(weight) for batch, weight in zip(batches, weights, strict=True))
    total = _summed(float(counts), accelerator) or 1.0  # of empty texts alone, nothing is learnt
    loss = 0.0
    for last, batch, weight in zip([*[False] * (len(batches) - 1), True], batches, weights, strict=True):
        with contextlib.nullcontext() if last else accelerator.no_sync(wrapped):
            part = adapter.loss(wrapped, batch) * (weight / total)
            accelerator.backward(part * ranks)  # processes are averaged, and the loss is a sum over them
            loss += part.item()
    loss = _summed(loss, accelerator)
    if not math.isfinite(loss):
        raise RunError(data.where(), f"the loss is {loss}", "lower train.learning_rate, or look at these rows")
    return loss


def _update(
    trained: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    *,
    rate: float,
    clip: float | None,
    where: Callable[[], str],
) -> None:
    norm = torch.nn.utils.clip_grad_norm_(trained.values(), clip if clip is not None else math.inf)
    norm = sharding.whole(norm)
    if not torch.isfinite(norm):
        raise RunError(
            where(), f"the gradient's norm is {norm.item()}", "lower train.learning_rate, or look at these rows"
        )
    for group in optimizer.param_groups:
        group["lr"] = rate * group["times"]
    try:
        optimizer.step()
    except (RuntimeError, MemoryError) as error:
        finding = "memory does not hold the optimizer's two numbers for each trained weight"
        memory.smaller(error, 1, RunError(where(), finding, "train fewer weights (see lora)"))
    optimizer.zero_grad(set_to_none=True)


def _seed(*parts: int) -> None:
    """Seeds torch from these numbers alone, so that a step's dropout depends on nothing before it."""
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _summed(value: float, accelerator: Accelerator) -> float:
    if accelerator.num_processes == 1:
        return value
    return float(accelerator.reduce(torch.tensor(value, device=accelerator.device, dtype=torch.float64), "sum").item())


def _moved(batch: Batch, device: torch.device) -> Batch:
    return {name: value.to(device) for name, value in batch.items()}


def _state(trained: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, done: int) -> State:
    weights = {name: sharding.whole(parameter.detach()).cpu().clone() for name, parameter in trained.items()}
    moments = {
        f"{part}.{name}": sharding.whole(value.detach()).cpu().clone()
        for name, parameter in trained.items()
        for part, value in optimizer.state[parameter].items()
    }
    return State(done, weights, moments)


def _restore(trained: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, start: State) -> None:
    if set(start.weights) != set(trained):
        odd = sorted(set(start.weights) ^ set(trained))
        raise RunError(
            "checkpoint", f"holds other weights than the model trains ({odd[0]}, ...)", "use another output folder"
        )
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(sharding.placed(start.weights[name], parameter))
    for key, value in start.optimizer.items():  # a weight that no batch has used yet is not among them
        part, _, name = key.partition(".")
        like = value if part == "step" else trained[name]
        optimizer.state[trained[name]][part] = sharding.placed(value, like)
