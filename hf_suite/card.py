"""The model card of an exported run: what it answers, how to load it, its scores, what made it. Runs no model."""

from collections.abc import Iterator
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from hf_suite.parity import Parity
from hf_suite.record import Result
from hf_suite.report.difference import settings, words
from hf_suite.session import Session

_USE = {
    "text-classification": """from transformers import pipeline

answer = pipeline("text-classification", model="{name}")
print(answer({inputs}, truncation=True))
""",
    "question-answering": """from transformers import AutoModelForQuestionAnswering, AutoTokenizer

model = AutoModelForQuestionAnswering.from_pretrained("{name}")
tokenizer = AutoTokenizer.from_pretrained("{name}")
""",
}
_OTHERWISE = """from transformers import {cls}, AutoTokenizer

model = {cls}.from_pretrained("{name}")
tokenizer = AutoTokenizer.from_pretrained("{name}")
"""


def card(name: str, session: Session, result: Result | None, parity: Parity) -> str:
    """The README.md of an exported folder: YAML that the hub reads, then text. Without a license, which is the user's.

    `result` is None for a run that was stopped before it was scored.
    """
    parts = [
        f"---\n{_front_matter(name, session, result)}\n---",
        f"# {name}",
        _lead(session),
        f"```python\n{_use(name, session)}```",
        *_reading(session),
        "## Scores",
        *(_scores(result) if result is not None else ["It was not scored."]),
        "## What made it",
        "\n".join(_making(session, result)),
        "## The same answers as the run",
        _same(parity),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(name: str, session: Session, result: Result | None) -> str:
    data = result.data if result is not None else {}
    on_hub = data.get("revision") is not None  # a commit is known of nothing else
    base = _base_on_hub(session)
    facts = {"base_model_relation": "finetune"} if base is not None else {}
    return ModelCardData(
        base_model=base,
        datasets=[session.spec.source.path] if on_hub else None,
        eval_results=_eval_results(session, result) if result is not None else None,
        library_name="transformers",
        model_name=name,
        pipeline_tag=session.adapter.pipeline_tag,
        tags=["hf-suite"],
        **facts,
    ).to_yaml()


def _base_on_hub(session: Session) -> str | None:
    """The base checkpoint's id; None for a folder or a package, whose names mean nothing on the hub."""
    name = session.located.name
    known = session.located.revision is not None or "/" in name
    return name if known and not name.startswith("package:") else None


def _eval_results(session: Session, result: Result) -> list[EvalResult]:
    source = session.spec.source
    return [
        EvalResult(
            task_type=session.adapter.pipeline_tag,
            dataset_type=source.path,
            dataset_name=session.spec.name,
            dataset_config=source.subset,
            dataset_split=split,
            dataset_revision=result.data["revision"],
            metric_type=number,
            metric_name=f"{number} ({result.units[number][0]})",
            metric_value=value,
        )
        for split, scores in result.scores.items()
        for number, value in scores.items()
        if value is not None and number in result.units
    ]


def _lead(session: Session) -> str:
    spec, base = session.spec, session.located
    commit = f" at commit {base.revision}" if base.revision is not None else ""
    task = "a number" if spec.target == "number" else ", ".join(session.config.model.labels or ())
    answers = f" It answers{' any of' if spec.target == 'labels' else ''}: {task}." if task else ""
    return f"{base.name}{commit}, finetuned on the task {spec.name} by hf_suite.{answers}"


def _use(name: str, session: Session) -> str:
    pair = "text_pair" in session.spec.columns
    inputs = '{"text": "...", "text_pair": "..."}' if pair else '"..."'
    template = _USE.get(session.adapter.pipeline_tag, _OTHERWISE)
    return template.replace("{name}", name).replace("{inputs}", inputs).replace("{cls}", session.resolved.cls.__name__)


def _reading(session: Session) -> Iterator[str]:
    """How the run read its texts and decided, which transformers does not do by itself."""
    yield f"It was trained and scored on texts of at most {session.config.max_length} tokens, cut there."
    if session.config.prompt:
        yield f"A row was put to it as `{session.config.prompt}`."
    for name, value in session.fitted.items():
        yield f"{name}: {value:.6g}, fitted on rows held out of training; it stands in config.json under `hf_suite`."


def _scores(result: Result) -> Iterator[str]:
    lines = ["| split | number | score | best constant answer | unit |", "| --- | --- | --- | --- | --- |"]
    for split, scores in result.scores.items():
        for number, value in scores.items():
            constant = result.baseline.get(split, {}).get(number)
            unit = result.units.get(number, ("", None))[0]
            lines.append(f"| {split} | {number} | {_number(value)} | {_number(constant)} | {unit} |")
    yield "\n".join(lines)
    if result.caveats:
        yield "\n".join(f"- {caveat}" for caveat in result.caveats)


def _making(session: Session, result: Result | None) -> Iterator[str]:
    base = session.located
    yield f"- base: {base.name}, sha256 {base.sha256}"
    for before in session.lineage[:-1]:
        yield f"- before it: the run {before['id']} of {before['task']}"
    if result is None:
        return
    said = " ".join(filter(None, [f"seed={result.seed}", words(settings(result.config))]))
    rows = ", ".join(f"{count:,} {split}" for split, count in result.rows.items())
    yield f"- run: {result.id}, {said}"
    yield f"- data: {result.data['id']} at {result.data['revision'] or 'no known commit'}, rows: {rows}"
    yield "- " + ", ".join(f"{name} {version}" for name, version in result.versions.items())


def _same(parity: Parity) -> str:
    rows = ", ".join(f"{count:,} of {split}" for split, count in parity.rows.items())
    return (
        f"Low-rank updates are merged into the weights, in fp32. On {rows} rows its outputs are at most "
        f"{parity.relative:.1g} of the largest output away from those of the run, and {parity.changed:,} of them have "
        "another answer (parity.json)."
    )


def _number(value: Any) -> str:
    return "undefined" if value is None else f"{value:,.2f}"
