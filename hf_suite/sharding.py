"""A model of which each process holds a part while it trains (FSDP2), and its tensors whole again. Trains nothing."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

T = TypeVar("T")


def sharded(model: Any, accelerator: Accelerator) -> Any:
    """A twin of the model whose weights, gradients and moments lie in parts on all processes; of one, the model.

    The model itself is left whole, and waits on the CPU. The twin's layers are gathered one by one as they compute.
    """
    if accelerator.num_processes == 1:
        return model
    twin = copy.deepcopy(model.to("cpu"))
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for layer in _layers(twin):
        fully_shard(layer, mesh=mesh)
    fully_shard(twin, mesh=mesh)
    return twin


def wrapped(model: Any, accelerator: Accelerator) -> Any:
    """The model as it is trained, on its device: by DDP where there are several processes and it is whole."""
    shared = isinstance(model, FSDPModule)
    return accelerator.prepare_model(model if shared else model.to(accelerator.device), evaluation_mode=shared)


def followed(
    steps: Iterator[T], twin: Any, model: Any, *, device: torch.device, due: Callable[[T], bool]
) -> Iterator[T]:
    """The steps that train a twin; at each that is due, and after all of them, the model has the twin's weights."""
    if twin is model:
        yield from steps
        return
    for step in steps:
        if due(step):
            _gather(twin, model.to(device))
        yield step
        model.to("cpu")
    _gather(twin, model.to(device))  # also where a resumed training had no step left


def _gather(twin: Any, model: Any) -> None:
    """Copies the twin's trained weights, whole, into the model; all processes must take part."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            if parameter.requires_grad:
                parameters[name].copy_(whole(parameter.detach()))


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of which each process holds a part, put together on each; all must take part. Any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def placed(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A whole tensor as `like` is: on its device, and in parts where that is."""
    if isinstance(like, DTensor):
        return distribute_tensor(value.to(like.device, copy=True), like.device_mesh, like.placements)
    return value.to(like.device, copy=True)


def _layers(module: Any) -> Iterator[Any]:
    """The outermost layers of a model: the members of its lists of modules."""
    for child in module.children():
        if isinstance(child, torch.nn.ModuleList):
            yield from child
        else:
            yield from _layers(child)
