"""How a run is declared: files, keys laid upon them, defaults, and the short forms."""

import pytest

from hf_suite import config, schema
from hf_suite.config import LoraConfig, RunConfig, SuiteConfig, TrainConfig
from hf_suite.errors import ConfigError
from hf_suite.schema import record_of


def refusal(path, over):
    with pytest.raises(ConfigError) as caught:
        config.read(path, over)
    return str(caught.value)


def test_a_task_and_a_model_are_enough():
    run = config.read(None, {"task": "sst2", "model": "minilm"})

    assert (run.task, run.model.id, run.seed) == ({"name": "sst2"}, "minilm", 0)
    assert run.lora == LoraConfig(rank=8, alpha=16.0, dropout=0.05)
    assert run.train == TrainConfig(epochs=3, batch_size=32, warmup=0.06, clip=1.0)


def test_keys_are_laid_upon_the_file_and_leave_the_rest(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("task: sst2\nmodel: minilm\ntrain: {epochs: 5, batch_size: 8}\nlora: {rank: 4}\n")

    run = config.read(str(file), {"train": {"epochs": 1}, "lora": None})

    assert (run.train.epochs, run.train.batch_size, run.lora) == (1, 8, None)


def test_a_part_that_the_file_took_away_can_be_put_back(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("task: sst2\nmodel: minilm\nlora: null\n")

    assert config.read(str(file), {"lora": {"rank": 4}}).lora == LoraConfig(rank=4)


def test_short_and_long_forms_of_task_and_model_meet():
    base = {"task": "sst2", "model": {"id": "minilm", "labels": ["a", "b"]}}

    assert config.layered(base, {"task": {"columns": {"text": "review"}}, "model": "bert"}) == {
        "task": {"name": "sst2", "columns": {"text": "review"}},
        "model": {"id": "bert", "labels": ["a", "b"]},
    }


def test_a_shipped_config_is_read_by_its_name():
    assert config.read("lora-small", {"task": "rte", "model": "minilm"}).train.learning_rate == 1e-3


def test_a_missing_task_is_refused(tmp_path):
    assert refusal(None, {"model": "minilm"}) == "command line: key 'task' is missing; add it"


def test_an_unknown_key_of_a_file_is_refused_with_the_files_name(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("task: sst2\nmodel: minilm\ntrain: {epoch: 5}\n")

    assert refusal(str(file), {}) == "run.yaml: unknown key 'train.epoch'; did you mean 'epochs'?"


@pytest.mark.parametrize(
    ("over", "finding"),
    [
        ({"limit": 0}, "limit is 0; input should be greater than or equal to 1"),
        (
            {"train": {"epochs": "many"}},
            "train.epochs is 'many'; input should be a valid integer",
        ),
        ({"precision": "fp8"}, "precision is 'fp8'; input should be 'fp32', 'bf16', 'fp16' or 'auto'"),
        ({"train": {"warmup": float("inf")}}, "train.warmup is inf; input should be a finite number"),
        (
            {"train": {"schedule": "cosin"}},
            "train.schedule is 'cosin'; input should be 'linear', 'constant', 'cosine' or 'inverse_sqrt'",
        ),
        ({"train": {"label_smoothing": 1}}, "train.label_smoothing is 1; input should be less than 1"),
        (
            {"train": {"min_steps": 9, "max_steps": 8}},
            "train: min_steps=9 beside max_steps=8; leave one of them out",
        ),
        (
            {"train": {"min_steps": 9, "batch_tokens": 512}},
            "train: min_steps=9 counts steps of batch_size; beside batch_tokens say epochs",
        ),
        (
            {"train": {"batch_size": 8, "batch_tokens": 512}},
            "train: batch_size=8 beside batch_tokens=512; leave one of them out",
        ),
        (
            {"train": {"batch_size": None}},
            "train: neither batch_size nor batch_tokens says how much is learnt in a step; say one of them",
        ),
        ({"tune": {"share": 1.0}}, "tune.share is 1.0; input should be less than 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_key(over, finding):
    assert refusal(None, {"task": "sst2", "model": "minilm", **over}) == f"command line: {finding}"


@pytest.mark.parametrize(
    ("below", "above", "size", "tokens"),
    [
        ({"batch_size": 8}, {"batch_tokens": 512}, None, 512),
        ({"batch_tokens": 512}, {"batch_size": 8}, 8, None),
        ({"batch_tokens": 512}, {"epochs": 2}, None, 512),
        ({"batch_tokens": 512}, {"batch_tokens": None}, 32, None),
    ],
)
def test_the_later_word_on_a_step_s_size_counts(below, above, size, tokens):
    said = config.layered({"train": below}, {"task": "sst2", "model": "minilm", "train": above})
    found = config.read(None, said).train

    assert (found.batch_size, found.batch_tokens) == (size, tokens)


def test_a_revision_that_is_no_commit_is_refused():
    said = refusal(None, {"task": "sst2", "model": {"id": "minilm", "revision": "main"}})

    assert said == (
        "command line: model.revision: 'main' is not a commit; write its 40 hexadecimal digits in quotes, or null"
    )


def test_a_config_does_not_change():
    run = config.read(None, {"task": "sst2", "model": "minilm"})

    with pytest.raises(ValueError, match="frozen"):
        run.seed = 1


def test_a_suite_is_read_by_its_path(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("tasks: {cola: {}, rte: {train: {epochs: 5}}}\nseeds: [1, 2]\nmean: glue\n")

    suite = config.read_suite(str(file))

    assert suite == SuiteConfig(
        tasks={"cola": {}, "rte": {"train": {"epochs": 5}}}, config="lora-small", seeds=(1, 2), mean="glue"
    )


def test_an_unknown_mean_of_a_suite_is_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("tasks: {cola: {}}\nmean: median\n")

    with pytest.raises(ConfigError) as e:
        config.read_suite(str(file))

    assert str(e.value) == "mine.yaml: mean is 'median'; input should be 'glue' or 'tasks'"


def records(kind):
    """A record and all records inside it."""
    inner = [record_of(field.annotation) for field in kind.model_fields.values()]
    return [kind, *(found for each in inner if each is not None for found in records(each))]


@pytest.mark.parametrize("kind", [*records(RunConfig), SuiteConfig], ids=lambda kind: kind.__name__)
def test_every_key_says_what_it_means(kind):
    fields = kind.model_fields.items()
    silent = [name for name, field in fields if not (field.description or record_of(field.annotation))]

    assert silent == []
    assert kind.__doc__


def test_a_config_written_as_yaml_is_read_as_the_same(tmp_path):
    run = config.read(None, {"task": "sst2", "model": "minilm", "train": {"learning_rate": 1e-5}, "lora": None})
    file = tmp_path / "run.yaml"
    file.write_text(schema.dump_yaml(run.model_dump(mode="json")))

    assert config.read(str(file), {}) == run
