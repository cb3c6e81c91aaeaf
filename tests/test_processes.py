"""Two processes (and three) train and answer as one does."""

import itertools
import json
import os
import signal

import apart
import pytest
import world

from hf_suite import experiment, finished, loop, record, sharding
from hf_suite.answering import answer
from hf_suite.errors import ConfigError, Interrupted
from hf_suite.stopping import Stopping

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def prepared(config):
    config = config.model_copy(update={"output": "never-made"})  # several processes must be told of one folder
    return experiment.prepared(config, resume=False, allow_code=False, watch=lambda progress: None, stopping=Stopping())


def trained(config, count):
    """Rows and loss of the first steps."""
    session = prepared(config)
    steps = loop.finetune(
        session.model,
        session.adapter,
        session.adapter.train_features(session.parts.train.rows),
        config=session.config.train,
        accelerator=session.accelerator,
        seed=session.config.seed,
    )
    return [[list(step.rows), step.loss, step.tokens] for step in itertools.islice(steps, count)]


def answered(config, rows, batch_size):
    """Each row's id and evidence, and the answers."""
    session = prepared(config)
    first = session.parts.eval["validation"].rows.select(range(rows))
    found = list(answer(session.model, session.adapter, first, accelerator=session.accelerator, batch_size=batch_size))
    return [[row, evidence] for row, evidence in found]


def ran(config, resume=False):
    """The Result of a run, and the losses told."""
    losses = []
    result = experiment.run(config, resume=resume, watch=lambda progress: losses.append(progress.loss))
    return [result.model_dump(mode="json", by_alias=True), [loss for loss in losses if loss is not None]]


def ran_twice(first, second):
    return [ran(config)[0]["precision"] for config in (first, second)]


def stopped_on_the_last(config):
    """A run of which one process alone gets SIGTERM, during step 3."""
    rank = []

    def watch(progress):
        if not rank:
            import torch.distributed

            rank.append(torch.distributed.get_rank())
        if progress.stage == "finetune" and progress.done == 3 and rank[0] == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        experiment.run(config, watch=watch)
    except Interrupted as error:
        return [str(error), error.exit_code]


def numbers(evidence):
    """All numbers of an evidence, and all else in it."""
    floats, others = [], []
    for part in json.loads(json.dumps(evidence), parse_float=lambda text: floats.append(float(text))).items():
        others.append(part)
    return floats, others


@pytest.fixture(scope="module")
def still(tiny_checkpoint):
    return tiny_checkpoint("bert", **STILL)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("reviews", {"batch_size": 7, "micro_batch_size": 2}),  # of 64 rows the tenth batch has one: a process has none
        ("likeness", {"batch_size": 10}),  # 48 rows: the fifth batch has 8
        ("questions", {"batch_size": 9}),  # 20 windows: the third batch has 2
        ("reviews", {"batch_tokens": 70}),
    ],
)
def test_processes_see_the_same_rows_and_the_same_loss_as_one(small_world, still, name, size):
    train = {"max_steps": None, "epochs": 10, **size}
    config = world.run_config(small_world, name, still, lora={"dropout": 0.0}, train=train | {"learning_rate": 1e-3})
    alone = trained_apart(config, 1)[0]
    assert len(alone) == 20
    sizes = [len(rows) for rows, _, _ in alone]
    assert min(sizes) < max(sizes)
    for processes in (2, 3) if "micro_batch_size" in size else (2,):
        for steps in trained_apart(config, processes):
            assert [[rows, tokens] for rows, _, tokens in steps] == [[rows, tokens] for rows, _, tokens in alone]
            assert [loss for _, loss, _ in steps] == pytest.approx([loss for _, loss, _ in alone], abs=1e-5)


def trained_apart(config, processes):
    return apart.together(trained, config, 20, processes=processes)


@pytest.mark.parametrize("name", ["reviews", "likeness", "questions"])
def test_every_row_is_answered_once_and_alike_by_any_number_of_processes(small_world, tiny_checkpoint, name):
    config = world.run_config(small_world, name, tiny_checkpoint("bert"))
    alone = apart.together(answered, config, 12, 5, processes=1)[0]
    assert len({row for row, _ in alone}) == 12
    two = apart.together(answered, config, 12, 5, processes=2)
    assert two[0] == two[1] == alone  # the same batches: bit for bit
    three = apart.together(answered, config, 12, 3, processes=3)[2]
    assert [row for row, _ in three] == [row for row, _ in alone]
    for (_, other), (_, evidence) in zip(three, alone, strict=True):
        assert numbers(other)[0] == pytest.approx(numbers(evidence)[0], abs=1e-5)
        assert numbers(other)[1] == numbers(evidence)[1]


def test_a_row_fewer_than_processes_is_answered_once(small_world, tiny_checkpoint):
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"))
    assert [[row for row, _ in found] for found in apart.together(answered, config, 1, 8, processes=2)] == [[0], [0]]


def test_a_run_of_two_processes_writes_one_folder_and_the_scores_of_one(small_world, still, tmp_path):
    def config(output):
        return world.run_config(
            small_world, "questions", still, lora={"dropout": 0.0}, output=str(tmp_path / output), train={"epochs": 1}
        )

    (one, losses), (other, _) = apart.together(ran, config("two"), processes=2)
    ((alone, losses_alone),) = apart.together(ran, config("one"), processes=1)
    assert one["processes"] == 2
    assert {**one, **of_the_run(other)} == other
    for name in ("id", "headline", "baseline", "counts", "rows", "caveats", "data", "model", "config"):
        assert one[name] == alone[name]
    assert one["fitted"] == pytest.approx(alone["fitted"], abs=1e-5)
    assert one["scores"]["validation"] == pytest.approx(alone["scores"]["validation"], abs=1e-5)
    assert losses == pytest.approx(losses_alone, abs=1e-5)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "answers.parquet",
        "model",
        "result.json",
        "rows.parquet",
        "run.yaml",
    ]
    assert record.read_result(tmp_path / "two").scores == one["scores"]


def of_the_run(result):
    """What each process measures for itself."""
    return {name: result[name] for name in ("seconds", "tokens_per_second", "peak_memory_bytes", "weights_bytes",
                                            "latency_ms", "started", "finished")}  # fmt: skip


def test_two_processes_can_do_one_run_after_another(small_world, tiny_checkpoint, tmp_path):
    first, second = (
        world.run_config(
            small_world, "reviews", tiny_checkpoint("bert"), precision=precision, output=str(tmp_path / precision)
        )
        for precision in ("fp32", "bf16")
    )
    assert apart.together(ran_twice, first, second, processes=2) == [["fp32", "bf16"], ["fp32", "bf16"]]


def test_a_signal_to_one_process_stops_both_at_the_same_step(small_world, tiny_checkpoint, tmp_path):
    def config(output):
        return world.run_config(
            small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / output), train={"max_steps": 6}
        )

    message = f"{tmp_path / 'stopped'}: stopped by SIGTERM; the state is saved; go on with --resume"
    assert apart.together(stopped_on_the_last, config("stopped"), processes=2) == [[message, 143]] * 2
    assert [path.name for path in (tmp_path / "stopped" / "checkpoints").iterdir()] == ["step-3"]
    (resumed, losses), _ = apart.together(ran, config("stopped"), True, processes=2)
    (whole, all_losses), _ = apart.together(ran, config("whole"), processes=2)
    assert losses == all_losses[3:]
    assert (resumed["scores"], resumed["history"]) == (whole["scores"], whole["history"])
    weights = [(tmp_path / name / "model" / "adapter_model.safetensors").read_bytes() for name in ("stopped", "whole")]
    assert weights[0] == weights[1]


# sharded


@pytest.mark.parametrize(("architecture", "lora"), [("bert", None), ("t5", {"dropout": 0.0})])
def test_a_sharded_training_is_that_of_whole_models(small_world, tiny_checkpoint, tmp_path, architecture, lora):
    def config(name, **over):
        train = {"max_steps": None, "epochs": 1, "batch_size": 7, "micro_batch_size": 2, **over}
        model, output = tiny_checkpoint(architecture), str(tmp_path / name)
        return world.run_config(small_world, "reviews", model, lora=lora, output=output, train=train)

    (sharded, losses), _ = apart.together(ran, config("sharded", shard=True), processes=2)
    (whole, losses_whole), _ = apart.together(ran, config("whole"), processes=2)
    assert len(losses) == 10
    assert losses == pytest.approx(losses_whole, abs=1e-5)
    assert sharded["scores"] == whole["scores"]
    (again,) = apart.together(answered_again, str(tmp_path / "sharded"), str(small_world.mirror), processes=1)
    assert again == sharded["scores"]


def held(config):
    """How many weights this process holds of those that there are."""
    session = prepared(config)
    twin = sharding.sharded(session.model, session.accelerator)
    local = sum(parameter.to_local().numel() for parameter in twin.parameters())
    return [local, sum(parameter.numel() for parameter in session.model.parameters())]


def test_each_process_holds_a_part_of_a_sharded_model(small_world, tiny_checkpoint):
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"))
    (first, everything), (second, _) = apart.together(held, config, processes=2)
    assert first + second == everything
    assert abs(first - second) < 0.01 * everything


def answered_again(folder, mirror):
    return finished.evaluate_run(folder, mirrors=(mirror,)).scores


def test_a_sharded_training_is_resumed_to_the_bit(small_world, tiny_checkpoint, tmp_path):
    def config(output):
        return world.run_config(
            small_world,
            "reviews",
            tiny_checkpoint("bert"),
            output=str(tmp_path / output),
            train={"max_steps": 6, "shard": True},
        )

    assert [code for _, code in apart.together(stopped_on_the_last, config("stopped"), processes=2)] == [143, 143]
    (resumed, losses), _ = apart.together(ran, config("stopped"), True, processes=2)
    (whole, all_losses), _ = apart.together(ran, config("whole"), processes=2)
    assert (losses, resumed["scores"]) == (all_losses[3:], whole["scores"])
    weights = [(tmp_path / name / "model" / "adapter_model.safetensors").read_bytes() for name in ("stopped", "whole")]
    assert weights[0] == weights[1]


def test_fsdp_2_of_an_accelerate_config_file_is_sharding(small_world, still, tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    result = experiment.run(world.run_config(small_world, "reviews", still, output=str(tmp_path / "run")))
    assert result.config["train"]["shard"] is True


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"ACCELERATE_USE_DEEPSPEED": "true"},
            "asks for DeepSpeed, which would do the optimizer's steps and the saving in place of this loop; "
            "take it out, and say train.shard=true",
        ),
        ({"ACCELERATE_USE_FSDP": "true"}, "asks for FSDP 1; write fsdp_version: 2"),
        (
            {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_OFFLOAD_PARAMS": "true"},
            "asks FSDP to keep weights on the CPU, which this loop does not; write fsdp_offload_params: false",
        ),
    ],
)
def test_another_way_to_hold_a_model_in_parts_is_refused(small_world, still, tmp_path, monkeypatch, told, sentence):
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        experiment.run(world.run_config(small_world, "reviews", still, output=str(tmp_path / "run")))
    assert str(refused.value) == f"accelerate's config file: {sentence}"
    assert not (tmp_path / "run").exists()
