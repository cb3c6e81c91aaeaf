"""What made a number is written down with it, and what could change it has a key."""

import hashlib
import json
import platform
import re

import pytest
import torch
import world

import hf_suite
from hf_suite import config, spec, stamp

ROW = '{"sentence": "the film was good", "label": "positive"}\n'

CONTENT = """\
{"config": {"limit": 10, "lora": {"rank": 4}, "train": {"epochs": 2}},
 "data": {"train": null, "validation": "SHA"},
 "labels": null,
 "model": "weights",
 "protocol": 1,
 "task": {"columns": {"label": "label", "text": "sentence"}, "headline": "accuracy", "kind": "classification",
  "labels": ["negative", "positive"], "metrics": ["accuracy"], "name": "reviews",
  "source": {"eval": ["validation"], "path": "own/reviews", "subset": "default", "train": "train"}, "version": 1}}
"""


def test_a_cells_key_is_the_sha256_of_its_content_and_of_nothing_else(tmp_path):
    folder = tmp_path / "mirror" / "own" / "reviews" / "default"
    folder.mkdir(parents=True)
    (folder / "validation.jsonl").write_text(ROW)
    task = world.write_task(tmp_path, "reviews")
    said = {"task": str(task), "model": "bert", "seed": 3, "limit": 10, "lora": {"rank": 4}, "train": {"epochs": 2},
            "output": str(tmp_path), "mirror": ["somewhere"], "precision": "fp32"}  # fmt: skip

    key = stamp.cell_key(
        spec.read(str(task)), config.read(None, said), model="weights", mirrors=(str(tmp_path / "mirror"),)
    )

    content = json.loads(CONTENT.replace("SHA", hashlib.sha256(ROW.encode()).hexdigest()))
    assert key == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def test_the_digest_does_not_depend_on_the_order_of_keys():
    # printf '{"a": 1, "b": "\303\274"}' | sha256sum
    expected = "47d50a2a574bc5394f613e0e9636aab0bf5ae6637cc1c276207e9b56744611c0"

    assert stamp.digest({"b": "ü", "a": 1}) == stamp.digest({"a": 1, "b": "ü"})
    assert stamp.digest({"b": "ü", "a": 1}) == expected


@pytest.fixture(scope="module")
def result(tmp_path_factory, small_world, tiny_checkpoint):
    """The Result of a run on a task file and a checkpoint folder, both by their absolute paths."""
    folder = tmp_path_factory.mktemp("run") / "pairs"
    train = {"max_steps": None, "epochs": 2, "select_on": "validation"}
    return hf_suite.run(
        world.run_config(small_world, "pairs", tiny_checkpoint("bert"), output=str(folder), train=train, max_length=8)
    )


def test_model_and_task_are_recorded_by_name_and_content_never_by_path(result):
    assert (result.model["id"], result.config["model"]) == ("bert", {"id": "bert"})
    assert result.config["task"] == {"name": "pairs"}
    assert re.fullmatch("[0-9a-f]{64}", result.model["sha256"])
    assert re.findall(r'"/[^"]*"', json.dumps(result.model_dump(mode="json"))) == []


def test_the_data_are_recorded_by_the_hash_of_each_file(result, small_world):
    folder = small_world.mirror / "own" / "pairs" / "default"

    assert result.data == {
        "id": "own/pairs/default",
        "revision": None,
        "sha256": {
            name: hashlib.sha256((folder / f"{name}.jsonl").read_bytes()).hexdigest()
            for name in ("train", "validation")
        },
    }


def test_the_config_stands_as_it_was_written_and_as_it_was_resolved(result):
    assert result.config["lora"] == {"rank": 4}
    assert result.resolved["lora"]["alpha"] == 16.0
    assert "output" not in result.config | result.resolved
    assert "mirror" not in result.config | result.resolved


def test_caveats_say_what_keeps_a_number_from_being_the_plain_one(result):
    assert result.caveats == [
        "unpinned",
        "epoch selected on validation, which it reports",
        "validation: 24 rows longer than max_length 8 were cut",
    ]


def test_the_machine_and_the_versions_are_recorded(result):
    assert result.versions["python"] == platform.python_version()
    assert result.versions["torch"] == torch.__version__
    assert result.versions["hf-suite"] == hf_suite.__version__
    assert result.device == f"cpu ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})"
    assert (result.threads, result.processes, result.precision) == (1, 1, "fp32")
    assert result.peak_memory_bytes > 50_000_000
    assert result.weights_bytes > 1_000
    assert result.tokens_per_second > 0
    assert result.seconds.keys() == {"load", "encode", "finetune", "evaluate", "bag_of_words"}


def test_seed_and_content_make_the_id(result, small_world, tiny_checkpoint, tmp_path):
    def rerun(seed, name):
        train = {"max_steps": None, "epochs": 2, "select_on": "validation"}
        folder = str(tmp_path / name)
        return hf_suite.run(
            world.run_config(
                small_world, "pairs", tiny_checkpoint("bert"), output=folder, train=train, max_length=8, seed=seed
            )
        ).id

    assert rerun(0, "same") == result.id
    assert rerun(1, "other") != result.id
