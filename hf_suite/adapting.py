"""From a config to rows, settled keys and the adapter that turns rows into features. Builds no model."""

from dataclasses import dataclass
from typing import Any

import accelerate

from hf_suite import interop, kinds, memory, models, tracking
from hf_suite import origin as origins
from hf_suite import spec as specs
from hf_suite.adapters import ADAPTERS, Adapter, adapter_class, with_protocol
from hf_suite.config import RunConfig
from hf_suite.kinds import KINDS, Row
from hf_suite.label_order import suggestion
from hf_suite.metrics import METRICS
from hf_suite.origin import Origin
from hf_suite.parts import Parts, parts
from hf_suite.reading import blocks_of, tokenizer_of
from hf_suite.resolve import NamelessLabels, Resolved, device, precision, resolve
from hf_suite.spec import TaskSpec


@dataclass(frozen=True)
class Adapted:
    """All of a run that needs no weights."""

    spec: TaskSpec
    """The task as its file and the user wrote it."""
    parts: Parts
    located: models.Located
    tokenizer: Any
    accelerator: accelerate.Accelerator
    resolved: Resolved
    origin: Origin | None
    """The run that this one goes on from."""
    adapter: Adapter
    shots: tuple[Row, ...]
    """Rows that a prompt shows with their answers."""
    notes: tuple[str, ...]


def adapted(config: RunConfig, *, allow_code: bool = False, needs_eval: bool = True) -> Adapted:
    """Steps 1 to 5 of a run: what can be refused without weights is refused here. Raises SuiteError."""
    spec = specs.of(config.task)
    kinds.check(spec)
    check_named(spec, config, allow_code)
    for registry in (KINDS, METRICS, ADAPTERS):
        len(registry)  # a package whose name clashes with another's is refused, also where nothing asks for it
    config = with_protocol(spec.kind, config)
    located = models.locate(config.model, config.mirror)
    model_config = models.load_config(located)
    accelerator = made_accelerator(config, model_config, trains=config.train is not None)
    tokenizer, notes = tokenizer_of(spec, config, located)
    chosen = _chosen(spec, config, located, tokenizer)
    blocks = blocks_of(spec, config, located=located, tokenizer=tokenizer, adapter_class=chosen)
    rows = parts(spec, config, needs_eval=needs_eval or config.train is None, blocks=blocks)
    resolved = _resolved(spec, config, rows, located, tokenizer, accelerator, chosen)
    origin = origins.origin(config, spec, resolved, located)
    resolved = origins.turned(resolved, origin)
    shots = tuple(rows.shots.rows) if rows.shots is not None else ()
    adapter = chosen(resolved.spec, resolved.config, tokenizer, shots=shots)
    told = (*notes, *resolved.notes)
    return Adapted(spec, rows, located, tokenizer, accelerator, resolved, origin, adapter, shots, told)


def made_accelerator(config: RunConfig, model_config: Any, *, trains: bool) -> accelerate.Accelerator:
    """Accelerate's object for the device and precision asked for; the run's peak of memory counts from here."""
    memory.forget_peak()
    arithmetic, _ = precision(config, model_config, trains=trains)
    mixed = "no" if arithmetic == "fp32" else arithmetic
    # Else the device and precision of a process's first run would be those of all its runs.
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    return accelerate.Accelerator(cpu=device(config) == "cpu", mixed_precision=mixed)


def check_named(spec: TaskSpec, config: RunConfig, allow_code: bool) -> None:
    """Refuses a metric of the user's own that cannot be, or may not run, and a tracker that is not there."""
    tracking.check(config.trackers)
    for name in spec.metric_names():
        if name.startswith("evaluate:"):
            interop.check(name, allow_code=allow_code)


def _chosen(spec: TaskSpec, config: RunConfig, located: models.Located, tokenizer: Any) -> type[Adapter]:
    """The adapter for task and model, once it finds nothing against config and tokenizer."""
    chosen = adapter_class(spec.kind, config.protocol, models.load_config(located))
    chosen.check_config(spec, config)
    chosen.check_tokenizer(tokenizer, located.name)
    return chosen


def _resolved(
    spec: TaskSpec,
    config: RunConfig,
    rows: Parts,
    located: models.Located,
    tokenizer: Any,
    accelerator: accelerate.Accelerator,
    chosen: type[Adapter],
) -> Resolved:
    try:
        return resolve(
            spec,
            config,
            parts=rows,
            located=located,
            model_config=models.load_config(located),
            tokenizer=tokenizer,
            adapter_class=chosen,
        )
    except NamelessLabels as error:
        raise suggestion(
            error, spec, config, parts=rows, located=located, tokenizer=tokenizer, accelerator=accelerator
        ) from error
