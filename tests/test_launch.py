"""`--processes N`: one command starts N processes, and is as one: in what it finds, prints, refuses and survives."""

import json

import pytest
import world
from command import said

import hf_suite
from hf_suite import config as configs
from hf_suite import errors, folders, launch, record, stamp
from hf_suite import spec as specs

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Whatever starts the tests, they are in no launcher."""
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def answers(folder):
    """What the model found; what the words say is learnt from train rows, which an evaluation does not read."""
    lines = record.read_answers(folder / "answers.parquet")
    return [{name: value for name, value in line.items() if name != "words"} for line in lines]


def told(text):
    """The losses that a run printed."""
    return [float(line.split("loss ")[1].split(",")[0]) for line in text.splitlines() if line.startswith("finetune ")]


def test_two_processes_train_and_answer_as_one_by_the_same_commands(small_world, tiny_checkpoint, tmp_path, capsys):
    model = tiny_checkpoint("bert", **STILL)
    keys = world.keys(small_world, "reviews", model, lora={"dropout": 0.0}, train={"max_steps": 5})
    (tmp_path / "run.yaml").write_text(json.dumps(keys))
    one, two = tmp_path / "one", tmp_path / "two"
    code, _, alone = said(capsys, "train", tmp_path / "run.yaml", "-o", one)
    assert code == 0
    code, out, err = said(capsys, "train", tmp_path / "run.yaml", "-o", two, "--processes", "2")
    assert (code, out.count("accuracy")) == (0, 1)
    assert len(told(err)) == 5
    assert told(err) == pytest.approx(told(alone), abs=1e-4)  # printed with four digits
    first, second = (record.read_result(folder) for folder in (one, two))
    assert (first.processes, second.processes, first.id) == (1, 2, second.id)
    assert second.history[0]["train_loss"] == pytest.approx(first.history[0]["train_loss"], abs=1e-5)
    assert (one / "run.yaml").read_bytes() == (two / "run.yaml").read_bytes()

    mirror = ["--mirror", small_world.mirror]
    assert said(capsys, "eval", two, "-o", tmp_path / "again", *mirror)[0] == 0
    code, out, err = said(capsys, "eval", two, "-o", tmp_path / "shared", "--processes", "2", *mirror)
    assert (code, out.count("accuracy"), err.count("evaluate 24 of 24")) == (0, 1, 1)
    assert record.read_result(tmp_path / "shared").processes == 2
    assert answers(tmp_path / "shared") == answers(tmp_path / "again") == answers(two)


def test_an_error_of_the_processes_is_one_line(small_world, tmp_path, capsys):
    words = ["--task", small_world.tasks["reviews"], "--model", tmp_path, "--mirror", small_world.mirror]
    code, out, err = said(capsys, "train", *words, "-o", tmp_path / "run", "device=cpu", "--processes", "2")
    assert (code, out) == (2, "")
    assert (
        err
        == f"hf-suite: {tmp_path}: has no config.json, so it is no checkpoint; give the folder that holds config.json\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("started", "processes", "answer"), [(None, 1, False), (None, 2, True), ("2", 1, False),
                                                              ("2", 2, False)])  # fmt: skip
def test_a_run_starts_processes_unless_a_launcher_has(started, processes, answer, monkeypatch):
    if started is not None:
        monkeypatch.setenv("WORLD_SIZE", started)
    assert launch.needed(processes) == answer


def test_another_number_than_the_launchers_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(errors.ConfigError) as refused:
        launch.needed(2)
    assert str(refused.value) == "processes: 2 are asked for, and the launcher started 4; leave it to the launcher"


def test_a_launchers_processes_need_a_folder_that_is_named(small_world, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(errors.ConfigError) as refused:
        folders.place(world.run_config(small_world, "reviews", "bert"))
    finding = "no folder is named, and a launcher started several processes"
    assert str(refused.value) == f"output: {finding}; say --output DIR"


def test_a_bench_is_started_once(small_world, tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    suite = configs.SuiteConfig(tasks={str(small_world.tasks["reviews"]): {}})
    with pytest.raises(errors.ConfigError) as refused:
        hf_suite.bench(
            suite, models=[str(tiny_checkpoint("bert"))], output=tmp_path / "out", mirrors=[str(small_world.mirror)]
        )
    assert str(refused.value) == "bench: a launcher started 2 processes of it; start it once, with --processes 2"
    assert not (tmp_path / "out").exists()


def test_more_processes_than_gpus_are_refused():
    for gpus, there in ((1, "there is 1 GPU"), (2, "there are 2 GPUs")):
        with pytest.raises(errors.ConfigError) as refused:
            launch.check(4, "cuda", gpus=gpus, cores=64)
        assert str(refused.value) == f"processes: 4 are asked for, and {there}; say processes={gpus} or device=cpu"


def test_more_processes_than_cores_are_warned_of(caplog):
    launch.check(2, "cpu", gpus=0, cores=2)
    assert caplog.messages == []
    launch.check(3, "cpu", gpus=0, cores=2)
    assert caplog.messages == ["processes: 3 on 2 cores are slower than 2"]


def test_the_number_of_processes_is_no_part_of_what_a_run_is(small_world):
    one, two = (world.run_config(small_world, "reviews", "bert", processes=number) for number in (1, 2))
    task = specs.read(str(small_world.tasks["reviews"]))
    keys = [stamp.cell_key(task, config, model="0", mirrors=tuple(config.mirror)) for config in (one, two)]
    assert keys[0] == keys[1]
    assert folders.written(one) == folders.written(two)
