"""A task's model and adapter on a checkpoint, without a run: for tests of what lies below one. Holds no test."""

from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import accelerate
import world

import hf_suite
from hf_suite import data, models, schema, spec
from hf_suite.adapters import adapter_class, with_protocol
from hf_suite.config import LoraConfig, ModelConfig, TrainConfig
from hf_suite.loop import Step, finetune
from hf_suite.parts import parts
from hf_suite.record import Result, read_answers
from hf_suite.resolve import Resolved, resolve
from hf_suite.spec import TaskSpec

LORA = LoraConfig(rank=4)


class Part(NamedTuple):
    """What a task's model is made of, without a run."""

    located: models.Located
    cls: Any
    adapter: Any
    tokenizer: Any
    rows: Any


def part(small_world: world.World, folder: Path, task: str) -> Part:
    """Model class, adapter and rows of a task for the checkpoint in a folder."""
    facts = spec.read(str(small_world.tasks[task]))
    config = with_protocol(facts.kind, world.run_config(small_world, task, folder))
    located = models.locate(ModelConfig(id=str(folder)))
    tokenizer, _ = models.load_tokenizer(located)
    adapter = adapter_class(facts.kind, config.protocol, models.load_config(located))(facts, config, tokenizer)
    rows = data.rows(facts, facts.source.train, mirrors=config.mirror).rows
    return Part(located, adapter.auto_model(models.load_config(located)), adapter, tokenizer, rows)


def built(made: Part, *, lora: LoraConfig | None = LORA, keep_head: bool = False, freeze: str = "none") -> models.Built:
    """The checkpoint as the task's model."""
    return models.build(
        made.located,
        made.cls,
        settings=made.adapter.model_settings(),
        keep_head=keep_head,
        lora=lora,
        freeze=freeze,
        peft_task=made.adapter.peft_task,
        pad_token_id=made.tokenizer.pad_token_id,
    )


def train(model: Any, made: Part, config: TrainConfig) -> list[Step]:
    """Three optimizer steps."""
    features = made.adapter.train_features(made.rows)
    steps = finetune(model, made.adapter, features, config=config, accelerator=accelerate.Accelerator(cpu=True), seed=0)
    return list(islice(steps, 3))


def settled(
    small_world: world.World,
    task: str,
    model: Path,
    /,
    *,
    on: dict[str, Any] | None = None,
    model_config: Any = None,
    **over: Any,
) -> Resolved:
    """A run's task (`on` laid upon it) and config (`over` laid upon it), resolved."""
    spec = schema.build(TaskSpec, world.task(task, **(on or {})), "test")
    config = with_protocol(spec.kind, world.run_config(small_world, task, model, **over))
    located = models.locate(ModelConfig(id=str(model)))
    return resolve(
        spec,
        config,
        parts=parts(spec, config),
        located=located,
        model_config=model_config or models.load_config(located),
        tokenizer=models.load_tokenizer(located)[0],
        adapter_class=adapter_class(spec.kind, config.protocol, models.load_config(located)),
    )


def evaluated(small_world: world.World, task: str, model: Path, folder: Path, /, **over: Any) -> Result:
    """The Result of a model as it is."""
    return hf_suite.run(world.run_config(small_world, task, model, train=None, output=str(folder), **over))


def answers(folder: Path) -> dict[Any, Any]:
    """Each row's answer in a run folder."""
    return {line["row"]: line["answer"] for line in read_answers(folder / "answers.parquet")}
