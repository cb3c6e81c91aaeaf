"""How the words and flags of a command line become a config."""

import pytest
import yaml
from results import COLA

from hf_suite.cli.common import given
from hf_suite.errors import ConfigError


def test_flags_and_words_make_one_mapping(tmp_path):
    said = given(
        ["task.columns.text=review", "train.epochs=5", "lora=null"],
        task="sst2",
        model="minilm",
        output=tmp_path,
        limit=100,
        seed=3,
        mirror=[tmp_path / "a", tmp_path / "b"],
    )

    assert said == (
        None,
        {
            "task": {"name": "sst2", "columns": {"text": "review"}},
            "model": {"id": "minilm"},
            "output": str(tmp_path),
            "limit": 100,
            "seed": 3,
            "mirror": [str(tmp_path / "a"), str(tmp_path / "b")],
            "train": {"epochs": 5},
            "lora": None,
        },
    )


def test_a_file_with_a_kind_is_a_task_and_any_other_a_config(tmp_path):
    task, run = tmp_path / "mine.yaml", tmp_path / "run.yaml"
    task.write_text(yaml.safe_dump(COLA))
    run.write_text("task: sst2\n")

    assert given([str(run), str(task)]) == (str(run), {"task": {"name": str(task)}})


def test_a_bare_word_is_a_shipped_config():
    assert given(["lora-small", "seed=1"]) == ("lora-small", {"seed": 1})


def refusal(words, **flags):
    with pytest.raises(ConfigError) as caught:
        given(words, **flags)
    return str(caught.value)


def test_a_task_where_a_config_is_due_is_refused_with_the_flag():
    assert refusal(["sst2"]) == "sst2: is a task, not a config; write it as --task sst2"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    said = refusal([str(tmp_path / "run.yaml")])

    assert said.startswith(f"{tmp_path / 'run.yaml'}: no such file; give a path to a YAML file or one of: ")


def test_two_tasks_are_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(COLA))
    own = str(tmp_path / "mine.yaml")

    assert refusal([own], task="sst2") == f"sst2: a second task beside {own}; keep one of them"


def test_a_key_given_twice_is_refused():
    assert refusal(["limit=5"], limit=6) == "limit: given as a flag and as limit=...; keep one of them"
