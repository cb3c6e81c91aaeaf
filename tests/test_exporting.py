"""Exported folders: what transformers alone reads in them answers as the run did, or nothing is written."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import peft
import pytest
import safetensors.torch
import texts
import torch
import transformers
import world
import writers
import yaml
from command import lines, said

import hf_suite
from hf_suite import models
from hf_suite.config import LoraConfig
from hf_suite.errors import ModelError, RunError
from hf_suite.methods import METHODS
from hf_suite.models import wrapping
from hf_suite.parity import Parity, difference
from hf_suite.record import read_answers, read_result

REVIEWS = ("bert", "roberta", "modernbert", "deberta-v2", "t5", "gpt2", "llama")
QUESTIONS = ("bert", "roberta", "t5", "llama")
WRITERS = ("t5", "bart")
KINDS = {"questions": "question_answering", "texts": "writing"}


class Case(NamedTuple):
    """A finished run and what was exported from it."""

    task: str
    run: Path
    folder: Path
    parity: Parity


@pytest.fixture(scope="module")
def cases(small_world, tiny_checkpoint, tmp_path_factory):
    """Every run of this file with its export, by a name."""
    place = tmp_path_factory.mktemp("exported")
    wanted = {f"reviews {name}": ("reviews", name, {}) for name in REVIEWS}
    wanted |= {f"questions {name}": ("questions", name, {"max_length": 256}) for name in QUESTIONS}
    wanted["pairs"] = ("pairs", "bert", {"lora": None})
    wanted["likeness"] = ("likeness", "roberta", {})
    made = {}
    for name, (task, architecture, over) in wanted.items():
        run, folder = place / "runs" / name, place / name
        checkpoint = tiny_checkpoint(architecture)
        hf_suite.run(world.run_config(small_world, task, checkpoint, output=str(run), **over))
        made[name] = Case(task, run, folder, hf_suite.export(run, folder, mirrors=(str(small_world.mirror),)))
    return made | _writers(place)


def _writers(place):
    own = texts.make(place, kind="text2text")
    made = {}
    for architecture in WRITERS:
        name = f"writes {architecture}"
        run, folder = place / "runs" / name, place / name
        checkpoint = writers.writer(place / "checkpoints" / architecture, architecture)
        over = {"max_length": 48, "max_target_length": 12, "generation": {"num_beams": 2}}
        hf_suite.run(texts.run_config(own, checkpoint, output=str(run), **over))
        made[name] = Case("texts", run, folder, hf_suite.export(run, folder, mirrors=(str(own.mirror),)))
    return made


@pytest.fixture(scope="module")
def plainly(cases, small_world, tmp_path_factory):
    """What transformers alone answers with each exported folder, in a process that can import neither us nor PEFT."""
    place = tmp_path_factory.mktemp("plainly")
    jobs = {
        name: {
            "kind": KINDS.get(case.task, "classification"),
            "folder": str(case.folder),
            "rows": rows(small_world, case.task),
        }
        for name, case in cases.items()
    }
    (place / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("plainly.py")
    subprocess.run([sys.executable, "-I", script, place / "jobs.json", place / "out.json"], check=True)
    return json.loads((place / "out.json").read_text())


def rows(small_world, task):
    """The validation rows as a user of transformers writes them."""
    if task == "texts":
        return [row["english"] for row in texts.rows(20, start=48)]
    file = small_world.mirror / "own" / task / "default" / "validation.jsonl"
    found = [json.loads(line) for line in file.read_text().splitlines()]
    if task == "questions":
        return [[row["question"], row["context"]] for row in found]
    if task == "reviews":
        return [row["sentence"] for row in found]
    names = {"pairs": ("premise", "hypothesis"), "likeness": ("first", "second")}[task]
    return [{"text": row[names[0]], "text_pair": row[names[1]]} for row in found]


def stored(run):
    """Evidence and answer of each row, as the run wrote them."""
    return [(line["evidence"], line["answer"]) for line in read_answers(run / "answers.parquet")]


@pytest.mark.parametrize("name", [*(f"reviews {each}" for each in REVIEWS), "pairs"])
def test_a_pipeline_of_transformers_alone_gives_the_labels_and_scores_of_the_run(cases, plainly, name):
    run = stored(cases[name].run)
    assert [label for label, _ in plainly[name]] == [answer for _, answer in run]
    for (label, score), (evidence, _) in zip(plainly[name], run, strict=True):
        total = sum(math.exp(value) for value in evidence["scores"].values())
        assert score == pytest.approx(math.exp(evidence["scores"][label]) / total, abs=1e-5)


@pytest.mark.parametrize("name", [f"questions {each}" for each in QUESTIONS])
def test_span_logits_of_transformers_alone_give_the_spans_of_the_run(cases, plainly, name):
    for (null, text, score), (evidence, _) in zip(plainly[name], stored(cases[name].run), strict=True):
        assert null == pytest.approx(evidence["null"], abs=1e-4)
        assert score == pytest.approx(evidence["spans"][0][3], abs=1e-4)
        assert text == evidence["spans"][0][0]


@pytest.mark.parametrize("name", [f"writes {each}" for each in WRITERS])
def test_transformers_alone_writes_what_the_run_wrote(cases, plainly, name):
    assert plainly[name] == [answer for _, answer in stored(cases[name].run)]
    assert len(set(plainly[name])) > 1
    settings = json.loads((cases[name].folder / "generation_config.json").read_text())
    assert (settings["num_beams"], settings["max_new_tokens"]) == (2, 12)


def test_an_exported_model_gives_numbers_on_the_labels_own_scale(cases, plainly):
    values = [evidence["value"] for evidence, _ in stored(cases["likeness"].run)]
    assert [score for _, score in plainly["likeness"]] == pytest.approx(values, abs=1e-4)


def test_parity_is_measured_on_the_runs_own_rows(cases):
    parity = json.loads((cases["pairs"].folder / "parity.json").read_text())
    assert (parity["rows"], parity["allowed"]) == (
        {"validation": 24},
        {"outputs": 1e-4, "scores": 0.01, "answers": 0.01},
    )
    assert parity["before"] == parity["after"] == read_result(cases["pairs"].run).scores
    assert parity["largest_difference"] == 0.0  # nothing to merge
    assert 0 < cases["reviews bert"].parity.relative < 1e-5


def test_an_exported_folder_holds_what_transformers_reads_and_the_label_names(cases):
    folder = cases["reviews bert"].folder
    names = ["README.md", "config.json", "model.safetensors", "parity.json", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    config = json.loads((folder / "config.json").read_text())
    assert (config["architectures"], config["dtype"]) == (["BertForSequenceClassification"], "float32")
    assert config["id2label"] == {"0": "negative", "1": "positive"}
    assert config["problem_type"] == "single_label_classification"
    assert json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"] == 32
    text = (folder / "config.json").read_text() + (folder / "README.md").read_text()
    assert str(folder.parent) not in text


def test_evaluating_an_exported_folder_gives_the_runs_scores(cases, small_world, tmp_path):
    for name in ("pairs", "likeness", "questions bert"):
        case, run = cases[name], read_result(cases[name].run)
        over = {"train": None, "output": str(tmp_path / name), "max_length": run.resolved["max_length"]}
        again = hf_suite.run(world.run_config(small_world, case.task, case.folder, **over))
        assert again.fitted == run.fitted
        for number, score in run.scores["validation"].items():
            # The correlation of numbers that hardly differ feels the last bit of each.
            assert again.scores["validation"][number] == pytest.approx(score, abs=0.05)


def test_the_card_tells_the_hub_and_a_reader_what_the_run_was(cases):
    case = cases["questions bert"]
    _, front, text = (case.folder / "README.md").read_text().split("---\n", 2)
    facts, result = yaml.safe_load(front), read_result(case.run)
    assert (facts["pipeline_tag"], facts["library_name"]) == ("question-answering", "transformers")
    assert "license" not in facts  # it is the user's to give
    assert "base_model" not in facts  # a folder's name means nothing on the hub
    (shown,) = facts["model-index"]
    assert shown["name"] == "questions bert"
    assert {metric["type"]: metric["value"] for one in shown["results"] for metric in one["metrics"]} == {
        name: value for name, value in result.scores["validation"].items() if value is not None
    }
    assert f"null_threshold: {result.fitted['null_threshold']:.6g}, fitted on rows held out of training" in text
    assert f"- run: {result.id}, seed=0 " in text


def test_a_bias_less_last_layer_cannot_take_the_mean_of_the_labels(small_world, tiny_checkpoint, tmp_path):
    config = world.run_config(small_world, "likeness", tiny_checkpoint("gpt2"), output=str(tmp_path / "run"))
    mean = hf_suite.run(config).task["scale"]["mean"]
    with pytest.raises(ModelError) as error:
        hf_suite.export(tmp_path / "run", tmp_path / "out", mirrors=(str(small_world.mirror),))
    assert str(error.value) == (
        f"{tmp_path / 'run'}: the labels' mean {mean:.4g} needs a bias, and the last layer of "
        "GPT2ForSequenceClassification has none; train with task.scale.mean=0 task.scale.sd=1, or use the run folder "
        "itself"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_a_folder_that_is_there_already_is_left_alone(cases, tmp_path):
    with pytest.raises(RunError) as error:
        hf_suite.export(cases["pairs"].run, tmp_path)
    assert str(error.value) == f"{tmp_path}: is there already; give a folder that is not, or remove it first"


def test_what_answers_otherwise_than_the_run_is_refused():
    moved = Parity({"validation": 2}, 0.5, 2.0, {"validation": {"f1": 50.0}}, {"validation": {"f1": 50.0}})
    with pytest.raises(RunError) as error:
        moved.check("out")
    assert str(error.value) == (
        "out: its outputs are 0.25 of the largest away from the run's (0.0001 is allowed); nothing was kept; please "
        "report this"
    )
    turned = Parity({"validation": 2}, 0.0, 2.0, {"validation": {"f1": 50.0}}, {"validation": {"f1": 51.0}})
    with pytest.raises(RunError) as error:
        turned.check("out")
    assert str(error.value) == "out: f1 on validation goes from 50.0 to 51.0; nothing was kept; please report this"
    Parity({"validation": 2}, 1e-5, 2.0, {"validation": {"f1": 50.0}}, {"validation": {"f1": 50.4}}).check("out")


def test_other_labels_or_texts_than_the_runs_are_refused_beyond_one_in_a_hundred():
    same = {"validation": {"f1": 50.0}}
    Parity({"validation": 100}, 0.0, 0.0, same, same, changed=1).check("out")
    with pytest.raises(RunError) as error:
        Parity({"validation": 100}, 0.0, 0.0, same, same, changed=2).check("out")
    assert str(error.value) == (
        "out: 2 of 100 rows have another answer than the run's; nothing was kept; please report this"
    )


def test_the_difference_of_evidence_is_that_of_its_numbers():
    first = {"spans": [["a cat", 0, 5, 3.0], ["cat", 2, 5, 1.0]], "null": -1.0}
    swapped = {"spans": [["cat", 2, 5, 3.25], ["a cat", 0, 5, 1.0]], "null": -1.5}
    assert difference(first, swapped) == 0.5
    assert difference({"scores": {"yes": 1.0}}, {"scores": {"no": 1.0}}) == math.inf
    assert difference({"spans": []}, {"spans": [["a", 0, 1, 0.0]]}) == math.inf


def test_nothing_is_merged_into_quantised_weights(tiny_checkpoint):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint("bert"), num_labels=2)
    adapted = wrapping.wrapped(model, LoraConfig(rank=2), ["classifier"], "SEQ_CLS")
    quantised = torch.nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False)
    adapted.base_model.model.bert.pooler.dense.register_parameter("packed", quantised)
    with pytest.raises(ModelError) as error:
        models.merged(adapted, "run")
    assert str(error.value) == "run: its weights are quantised, and merging would spoil them; give the base in fp32"


@pytest.mark.parametrize("method", ["dora", "vera", "oft", "ia3", "ln_tuning"])
def test_other_methods_are_merged_as_well(small_world, tiny_checkpoint, tmp_path, method):
    lora = {"method": method, "rank": 4 if METHODS[method].rank else None}
    checkpoint = tiny_checkpoint("bert")
    hf_suite.run(world.run_config(small_world, "reviews", checkpoint, lora=lora, output=str(tmp_path / "run")))
    parity = hf_suite.export(tmp_path / "run", tmp_path / "out", mirrors=(str(small_world.mirror),))
    assert parity.relative < 1e-5
    names = safetensors.torch.load_file(tmp_path / "out" / "model.safetensors").keys()
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint).state_dict()
    assert names - {"bert.embeddings.position_ids"} == plain.keys() - {"bert.embeddings.position_ids"}


def test_a_learnt_prompt_cannot_be_merged(tiny_checkpoint):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint("bert"), num_labels=2)
    prompted = peft.get_peft_model(model, peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2))
    with pytest.raises(ModelError) as error:
        models.merged(prompted, "run")
    assert str(error.value) == (
        "run: prompt_tuning learns what is put before the text, and there are no weights to merge it into; use the run "
        "folder itself"
    )


def test_the_command_prints_both_scores_and_where_it_wrote(cases, small_world, tmp_path, capsys):
    code, out, err = said(capsys, "export", cases["pairs"].run, tmp_path / "out", "--mirror", small_world.mirror)
    score = read_result(cases["pairs"].run).scores["validation"]["accuracy"]
    assert (code, lines(out)) == (
        0,
        [
            "split ┃ rows ┃ number ┃ run ┃ export",
            f"validation 24 accuracy {score:.2f} {score:.2f}",
            "outputs differ by at most 0.0e+00 of the largest (0.0001 is allowed); 0 rows have another answer",
            f"written to {tmp_path / 'out'}",
        ],
    )
    assert err.splitlines()[-1] == f"next: hf-suite models {tmp_path / 'out'}"


def test_eval_takes_an_exported_folder_as_it_takes_a_run(cases, small_world, tmp_path, capsys):
    case = cases["pairs"]
    words = ["eval", case.folder, "--task", small_world.tasks["pairs"], "--mirror", small_world.mirror, "--json"]
    code, out, _ = said(capsys, *words, "-o", tmp_path / "again", "max_length=32", "device=cpu")
    assert (code, json.loads(out)["scores"]) == (0, read_result(case.run).scores)
