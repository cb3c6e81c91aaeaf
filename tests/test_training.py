"""When weights are chosen and when a training ends: evaluations every so many steps, patience, and resuming both."""

import itertools
from pathlib import Path

import pytest
import world
from disturbing import losses, run, run_apart, weights

from hf_suite import experiment, record
from hf_suite.errors import ConfigError, RunError

# Of likeness 36 rows are trained on, 5 steps an epoch; the score on the other 12 goes up and down.
CHOOSING = {"max_steps": None, "epochs": 6, "learning_rate": 0.05, "schedule": "constant", "warmup": 0}


@pytest.fixture(scope="module")
def settings(small_world, tiny_checkpoint, tmp_path_factory):
    """`settings(name, ...)`: a run whose tune rows choose, in a folder of that name."""
    folder = tmp_path_factory.mktemp("runs")

    def made(name, share=0.25, **train):
        keys = {
            "tune": {"share": share} if share else None,
            "seed": 2,
            "train": {**CHOOSING, **train},
            "output": str(folder / name),
        }
        return world.run_config(small_world, "likeness", tiny_checkpoint("bert"), **keys)

    return made


@pytest.fixture(scope="module")
def patient(settings):
    """The Result of a run that evaluates every 2 steps and goes to its end."""
    return experiment.run(settings("patient", eval_every=2))


@pytest.fixture(scope="module")
def by_epoch(settings):
    """The same, evaluated after each epoch."""
    return experiment.run(settings("epochs"))


def tuned(result):
    """Step -> score on tune."""
    return {entry["step"]: entry["scores"]["tune"]["pearson"] for entry in result.history}


def stop_of(scores, patience):
    """The step after which so many evaluations in a row were not above the best, and the step of the best."""
    best, since = None, 0
    for step, score in scores.items():
        if best is None or score > scores[best]:
            best, since = step, 0
        else:
            since += 1
        if since == patience:
            return step, best
    raise AssertionError("its scores never fall that long: choose another seed")


def test_evaluations_are_told_every_so_many_steps_and_at_the_end(patient):
    assert list(tuned(patient)) == [*range(2, 30, 2), 30]
    assert [entry["epoch"] for entry in patient.history][:4] == [1, 1, 2, 2]
    assert patient.events == []


def test_an_entry_tells_the_mean_loss_since_the_one_before(settings, patient, tmp_path):
    log = tmp_path / "log"
    run(settings("logged", eval_every=2, epochs=1), log)
    found = losses(log)
    result = record.read_result(Path(settings("logged").output))
    assert [entry["step"] for entry in result.history] == [2, 4, 5]
    assert [entry["train_loss"] for entry in result.history] == pytest.approx(
        [(found[1] + found[2]) / 2, (found[3] + found[4]) / 2, found[5]], rel=1e-12
    )


def learnt(result):
    """The history without the scores of the weights that are kept, which are another step's."""
    return [{key: value for key, value in entry.items() if key != "eval"} for entry in result.history]


def test_a_run_stops_when_its_patience_is_at_an_end_and_keeps_the_best_step(settings, patient):
    step, best = stop_of(tuned(patient), 3)
    config, notes = settings("early", eval_every=2, early_stopping=3), []
    result = experiment.run(config, watch=lambda progress: notes.append(progress.note))
    assert step < 30
    assert learnt(result) == [entry for entry in learnt(patient) if entry["step"] <= step]
    assert result.events == [f"stopped early, after step {step} of 30: no better pearson on tune in 3 evaluations"]
    assert f"step {best} scored best on tune and is kept" in notes
    assert not (Path(config.output) / "checkpoints").exists()
    shorter = settings("shorter", max_steps=best, eval_every=best)
    experiment.run(shorter)
    assert best < step
    assert weights(Path(config.output)) == weights(Path(shorter.output))


def test_patience_counts_epochs_where_those_are_evaluated(settings, by_epoch):
    scores = tuned(by_epoch)
    assert list(scores) == [5, 10, 15, 20, 25, 30]
    step, _ = stop_of(scores, 1)
    result = experiment.run(settings("impatient", early_stopping=1))
    assert result.events == [f"stopped early, after step {step} of 30: no better pearson on tune in 1 evaluation"]


@pytest.mark.parametrize("at", ["while it waits", "after it stopped"])
def test_a_resumed_run_keeps_its_patience(settings, patient, tmp_path, at):
    step, _ = stop_of(tuned(patient), 3)
    whole = settings("undisturbed", eval_every=2, early_stopping=3)
    if not Path(whole.output).exists():
        run(whole, f"{whole.output}.log")
    killed = settings(at.replace(" ", "-"), eval_every=2, early_stopping=3)
    log = tmp_path / "log"
    # The last evaluation is of the eval split, after the training.
    moment = ("finetune", step - 1) if at == "while it waits" else ("evaluate", step // 2 + 1)
    assert run_apart(killed, log, moment) == -9
    assert run_apart(killed, log, resume=True) == 0
    assert losses(log) == losses(f"{whole.output}.log")
    assert max(losses(log)) == step
    assert weights(Path(killed.output)) == weights(Path(whole.output))
    found, expected = (record.read_result(Path(config.output)) for config in (killed, whole))
    assert (found.history, found.events, found.scores) == (expected.history, expected.events, expected.scores)


def test_what_is_selected_by_steps_on_the_rows_that_it_reports_says_so(settings):
    result = experiment.run(settings("reported", 0, eval_every=3, epochs=1, select_on="validation"))
    assert "step selected on validation, which it reports" in result.caveats


@pytest.mark.parametrize("key", ["early_stopping", "eval_every"])
def test_keys_that_need_rows_that_choose_are_refused_without_them(settings, key):
    with pytest.raises(ConfigError) as error:
        experiment.run(settings("refused", 0, **{key: 3}))
    assert str(error.value) == (
        f"train.{key}: no rows are there that choose the weights; "
        "cut some off train with tune.share=0.1, or name a split with train.select_on=..."
    )
    assert not Path(settings("refused").output).exists()


# the weights that scored best, damaged


def damage(config):
    (best,) = itertools.islice((Path(config.output) / "checkpoints").glob("best-*"), 1)
    (best / "weights.safetensors").write_bytes(b"")
    return (
        f"{best}: weights.safetensors is not what was written (its sha256 differs), and the weights that scored best "
        "so far are nowhere else; run again into another output folder"
    )


def test_damaged_best_weights_are_told_in_a_whole_sentence_and_at_once_on_resuming(settings, by_epoch):
    step, _ = stop_of(tuned(by_epoch), 1)
    config, messages = settings("damaged", max_steps=step), []

    def watch(progress):
        if (progress.stage, progress.done) == ("finetune", step):
            messages.append(damage(config))

    with pytest.raises(RunError) as error:
        experiment.run(config, watch=watch)
    assert str(error.value) == messages[0]
    told = []
    with pytest.raises(RunError) as error:
        experiment.run(config, resume=True, watch=lambda progress: told.append(progress.stage))
    assert str(error.value) == messages[0]
    assert set(told) == {"note"}
