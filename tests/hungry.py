"""Memory that runs out: torch is made to ask for more than any machine has. Holds no test."""

import contextlib

import torch

MORE_THAN_THERE_IS = 10**15


@contextlib.contextmanager
def room_for(rows, *, training=True):
    """A world in which a linear layer that trains (or answers) holds so many rows.

    Yields the list of the numbers of rows that were asked for in vain.
    """
    refused = []

    def hook(module, inputs):
        counts = isinstance(module, torch.nn.Linear) and module.training == training and len(inputs[0]) > rows
        if counts:
            refused.append(len(inputs[0]))
            torch.empty(MORE_THAN_THERE_IS)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        yield refused
    finally:
        handle.remove()
