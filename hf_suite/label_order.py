"""Which of a head's nameless outputs goes with which label, by how train rows fall: a suggestion, never a decision."""

from typing import Any

import accelerate
import numpy

from hf_suite import data, models
from hf_suite.adapters import adapter_class
from hf_suite.answering import answer
from hf_suite.config import RunConfig
from hf_suite.errors import DataError, ModelError
from hf_suite.parts import Parts
from hf_suite.resolve import end_in_text
from hf_suite.spec import TaskSpec
from hf_suite.split import first

_ROWS = 256


def suggestion(
    error: ModelError,
    spec: TaskSpec,
    config: RunConfig,
    *,
    parts: Parts,
    located: models.Located,
    tokenizer: Any,
    accelerator: accelerate.Accelerator,
) -> ModelError:
    """The refusal of a head with nameless labels, with the order that train rows suggest and the words to say it."""
    labels = spec.labels or ()
    anew = "" if config.train is None else "; for a new head, model.head=new"
    rows = _train_rows(spec, config, parts)
    if rows is None:
        remedy = f"say model.labels=[...], with {', '.join(labels)} in the order of its outputs{anew}"
        return ModelError(error.place, error.finding, remedy)
    model_config = models.load_config(located)
    chosen = adapter_class(spec.kind, config.protocol, model_config)
    length = config.max_length or chosen.default_length
    update = {
        "model": config.model.model_copy(update={"labels": tuple(map(str, range(len(labels))))}),
        "max_length": min(length, models.positions(model_config) or length),
        "end_in_text": end_in_text(config, model_config),
    }
    adapter = chosen(spec, config.model_copy(update=update), tokenizer)
    built = models.build(
        located,
        chosen.auto_model(model_config) or object,
        settings=adapter.model_settings(),
        keep_head=True,
        lora=None,
        peft_task=adapter.peft_task,
        pad_token_id=tokenizer.pad_token_id,
    )
    table = numpy.zeros((len(labels), len(labels)), dtype=int)
    gold = dict(zip(rows["row"], rows["label"], strict=True))
    model = built.model.to(accelerator.device)
    for row, evidence in answer(model, adapter, rows, accelerator=accelerator, batch_size=32):
        output = int(max(evidence["scores"], key=evidence["scores"].__getitem__))
        table[output, labels.index(gold[row])] += 1
    order, share = best_order(table)
    said = ", ".join(labels[at] for at in order)
    finding = f"{error.finding}; on {len(rows)} train rows the order {said} agrees with {share:.0%} of the labels"
    return ModelError(error.place, finding, f"if that is right, say model.labels=[{said}]{anew}")


def best_order(table: numpy.ndarray) -> tuple[list[int], float]:
    """For a table (outputs, labels) of counts: the label of each output so that most rows agree, and their share."""
    from scipy.optimize import linear_sum_assignment

    outputs, chosen = linear_sum_assignment(table, maximize=True)
    return [int(label) for label in chosen], float(table[outputs, chosen].sum() / max(1, table.sum()))


def _train_rows(spec: TaskSpec, config: RunConfig, parts: Parts) -> Any:
    train = parts.train
    if train is None and spec.source.train is not None:
        try:
            train = data.labelled(spec, data.rows(spec, spec.source.train, mirrors=config.mirror))
        except DataError:  # no train rows with labels at hand: then there is nothing to suggest from
            return None
    return None if train is None else train.rows.select(first(len(train.rows), _ROWS, spec.name))
