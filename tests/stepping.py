"""Models and features that are small enough to say what each step of the loop does to them. Holds no test."""

import itertools

import datasets
import torch
import world
from accelerate import Accelerator

from hf_suite import experiment, loop
from hf_suite.config import TrainConfig
from hf_suite.stopping import Stopping

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


class Line(torch.nn.Module):
    """w . x + b after a gain: a weight of two dimensions, a norm's and a bias, all set to 2."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1, 2), 2.0))
        self.gain = torch.nn.Parameter(torch.full((1,), 2.0))
        self.bias = torch.nn.Parameter(torch.full((1,), 2.0))

    def forward(self, x):
        return (x @ self.weight.T)[:, 0] * self.gain + self.bias


class Sum:
    """Learns nothing but to add up `loss_of(output)`: what a loop needs of an adapter."""

    def __init__(self, loss_of):
        self.loss_of = loss_of

    def collate(self, features, *, draw):
        return {"x": torch.tensor([feature["x"] for feature in features])}

    def count(self, batch):
        return len(batch["x"])

    def loss(self, model, batch):
        return self.loss_of(model(batch["x"])).sum()


def points(*values):
    """Features of two numbers each, whose rows are p0, p1, ..."""
    rows = [f"p{at}" for at in range(len(values))]
    return datasets.Dataset.from_dict({"row": rows, "x": [list(v) for v in values], "length": [2] * len(values)})


def steps_of(model, loss_of, features, *, times=None, **config):
    settings = TrainConfig(**{"learning_rate": 0.5, "warmup": 0.0, "epochs": 1, "clip": None, **config})
    one = Accelerator(cpu=True)
    adapter = Sum(loss_of)
    return loop.finetune(model, adapter, features, config=settings, accelerator=one, seed=0, times=times)


def prepared(small_world, checkpoint, name="reviews", **over):
    config = world.run_config(small_world, name, checkpoint, **over)
    return experiment.prepared(config, resume=False, allow_code=False, watch=lambda progress: None, stopping=Stopping())


def finetuned(session, count, *, start=None):
    """The first `count` steps after `start`, and the state after the last."""
    steps = loop.finetune(
        session.model,
        session.adapter,
        session.adapter.train_features(session.parts.train.rows),
        config=session.config.train,
        accelerator=session.accelerator,
        seed=session.config.seed,
        times=session.times,
        start=start,
    )
    taken = list(itertools.islice(steps, count))
    return taken, taken[-1].state()


def difference(first, second):
    return max(float((first[name] - second[name]).abs().max()) for name in first)
