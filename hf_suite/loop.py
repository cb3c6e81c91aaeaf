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

from hf_suite import batching
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
    state: Callable[[], State]


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

    The same features meet in each step, and weigh the same, at every micro-batch size and number of processes. Raises
    RunError at the step whose loss or gradient is not finite, before the weights change.
    """
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    model.to(accelerator.device)
    optimizer = torch.optim.AdamW(_groups(trained, config.weight_decay, times or {}), lr=0.0)
    done = _restored(trained, optimizer, start)
    wrapped = accelerator.prepare(model)
    lengths = features["length"][:]
    steps = batching.steps_in(
        len(features), batch_size=config.batch_size, epochs=config.epochs, max_steps=config.max_steps
    )
    plans = _plans(lengths, batch_size=config.batch_size, seed=seed, done=done)
    for step, (epoch, planned, is_last) in zip(range(done + 1, steps + 1), plans, strict=False):
        where = functools.partial(_where, features, planned, step)
        rate = learning_rate(step - 1, steps, config)
        wrapped.train()
        _seed(seed, step - 1, accelerator.process_index)
        loss = _gradients(wrapped, adapter, features, planned, config=config, accelerator=accelerator, where=where)
        _update(trained, optimizer, rate=rate, clip=config.clip, where=where)
        yield Step(
            step=step,
            steps=steps,
            epoch=epoch,
            ends_epoch=is_last or step == steps,
            loss=loss,
            learning_rate=rate,
            rows=tuple(features[planned]["row"]),
            tokens=sum(lengths[index] for index in planned),
            state=functools.partial(_state, trained, optimizer, step),
        )


def _plans(lengths: Sequence[int], *, batch_size: int, seed: int, done: int) -> Iterator[tuple[int, list[int], bool]]:
    """Of each step after `done`, without end: its epoch, its features, and whether it is the epoch's last."""
    each = -(-len(lengths) // batch_size)
    first, at = divmod(done, each)
    for epoch in itertools.count(first):
        plan = batching.train_plan(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
        yield from ((epoch, plan[place], place + 1 == each) for place in range(at if epoch == first else 0, each))


def learning_rate(done: int, steps: int, config: TrainConfig) -> float:
    """The rate of the step after `done` of `steps`: up in a line over the warmup, then by the schedule."""
    peak = config.learning_rate or 0.0
    warmup = math.ceil(config.warmup * steps) if config.warmup < 1 else int(config.warmup)
    if done < warmup:
        return peak * (done + 1) / (warmup + 1)
    if config.schedule == "constant":
        return peak
    return peak * (steps - done) / max(1, steps - warmup)


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


def _gradients(
    wrapped: Any,
    adapter: Adapter,
    features: Dataset,
    planned: Sequence[int],
    *,
    config: TrainConfig,
    accelerator: Accelerator,
    where: Callable[[], str],
) -> float:
    """Adds up the gradient of the step's mean loss; returns that loss over all processes."""
    ranks = accelerator.num_processes
    size = config.micro_batch_size or -(-config.batch_size // ranks)
    shares = batching.shares(planned, micro_batch_size=size, rank=accelerator.process_index, processes=ranks)
    # A rank without features runs one with weight 0: every rank must take part in each exchange of gradients.
    batches = [_moved(adapter.collate(take(features, share or planned[:1])), accelerator.device) for share in shares]
    weights = [1.0 if share else 0.0 for share in shares]
    counts = sum(adapter.count(batch) * int(weight) for batch, weight in zip(batches, weights, strict=True))
    total = _summed(float(counts), accelerator)
    loss = 0.0
    for last, batch, weight in zip([*[False] * (len(batches) - 1), True], batches, weights, strict=True):
        with contextlib.nullcontext() if last else accelerator.no_sync(wrapped):
            part = adapter.loss(wrapped, batch) * (weight / total)
            accelerator.backward(part * ranks)  # processes are averaged, and the loss is a sum over them
            loss += part.item()
    loss = _summed(loss, accelerator)
    if not math.isfinite(loss):
        raise RunError(where(), f"the loss is {loss}", "lower train.learning_rate, or look at these rows")
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
    if not torch.isfinite(norm):
        raise RunError(
            where(), f"the gradient's norm is {norm.item()}", "lower train.learning_rate, or look at these rows"
        )
    for group in optimizer.param_groups:
        group["lr"] = rate * group["times"]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _where(features: Dataset, planned: Sequence[int], step: int) -> str:
    rows = list(dict.fromkeys(features[list(planned)]["row"]))
    listed = ", ".join(map(str, rows[:8])) + (", ..." if len(rows) > 8 else "")
    return f"step {step}, rows {listed}"


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
    weights = {name: parameter.detach().cpu().clone() for name, parameter in trained.items()}
    moments = {
        f"{part}.{name}": value.detach().cpu().clone()
        for name, parameter in trained.items()
        for part, value in optimizer.state[parameter].items()
    }
    return State(done, weights, moments)


def _restored(trained: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, start: State | None) -> int:
    """Puts a state back, if there is one; the steps done up to it."""
    if start is None:
        return 0
    if set(start.weights) != set(trained):
        odd = sorted(set(start.weights) ^ set(trained))
        raise RunError(
            "checkpoint", f"holds other weights than the model trains ({odd[0]}, ...)", "use another output folder"
        )
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(start.weights[name])
    for key, value in start.optimizer.items():  # a weight that no batch has used yet is not among them
        part, _, name = key.partition(".")
        device = value.device if part == "step" else trained[name].device
        optimizer.state[trained[name]][part] = value.to(device, copy=True)
    return start.step
