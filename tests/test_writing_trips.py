"""Every architecture that writes: finetuned, saved, loaded anew by a fresh process, and the same tokens."""

import apart
import pytest
import safetensors.torch
import texts
import torch
import transformers
import writers

import hf_suite
from hf_suite import folders, loop
from hf_suite.finished import opened

CASES = [*writers.ENCODER_DECODERS, "marian-many"]
# What tells the target's language, by the tiny vocabularies.
TOLD = {"mbart50": "de_DE", "mbart": "de_DE", "m2m_100": "__de__", "nllb": "deu_Latn"}


def written(jobs):
    """The tokens of each run's first validation rows, by a process that has seen none of them."""
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(987_654)
    return {name: tokens(opened(run), rows) for name, (run, rows) in jobs.items()}


def tokens(session, rows):
    from datasets import Dataset

    features = session.adapter.eval_features(Dataset.from_list(rows))
    batch = session.adapter.collate([dict(feature) for feature in features])
    return session.adapter.outputs(session.model.eval(), batch)


@pytest.fixture(scope="module")
def trips(tmp_path_factory):
    root = tmp_path_factory.mktemp("writers")
    made, jobs, memory = texts.make(root), {}, {}
    for name in CASES:
        model = writers.writer(root / name, name)
        config = texts.run_config(made, model, max_length=48, max_target_length=12, output=str(root / f"run-{name}"))
        session = texts.session(config)
        rows = [dict(row) for row in session.parts.eval["validation"].rows.select(range(4))]
        folders.begin(session.folder, config)
        features = session.adapter.train_features(session.parts.train.rows)
        before = {key: value.detach().clone() for key, value in session.model.named_parameters()}
        for _ in loop.finetune(
            session.model, session.adapter, features,
            config=session.config.train, accelerator=session.accelerator, seed=0,
        ):  # fmt: skip
            pass
        folders.keep_model(session)
        moved = {key for key, value in session.model.named_parameters() if not torch.equal(value, before[key])}
        memory[name] = {"tokens": tokens(session, rows), "moved": moved, "session": session}
        jobs[name] = (str(session.folder), rows)
    for name, found in apart.call(written, jobs).items():
        memory[name]["again"] = found
    return memory


@pytest.mark.parametrize("name", CASES)
def test_a_saved_writer_writes_the_same_tokens_in_a_fresh_process(trips, name):
    trip = trips[name]
    assert len(trip["again"]) == 4
    assert [row[1:] for row in trip["again"]] == [row[1:] for row in trip["tokens"]]
    assert [row[0] for row in trip["again"]] == pytest.approx([row[0] for row in trip["tokens"]], abs=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_lora_reaches_the_decoders_attention_on_the_encoder_and_nothing_else_is_trained(trips, name):
    trip = trips[name]
    assert [key for key in trip["moved"] if "lora_" not in key] == []
    cross = [key for key in trip["moved"] if "EncDecAttention" in key or "encoder_attn" in key]
    assert cross
    folder = trip["session"].folder / "model"
    saved = safetensors.torch.load_file(folder / "adapter_model.safetensors")
    assert {key for key in saved if "lora_" not in key} == set()
    assert (folder / "generation_config.json").is_file()


@pytest.mark.parametrize("name", TOLD)
def test_a_language_is_told_by_the_tokens_that_open_or_precede_an_answer(trips, name):
    session = trips[name]["session"]
    settings, tokenizer = session.config.generation, session.tokenizer
    mark = tokenizer.convert_tokens_to_ids(TOLD[name])
    if name == "mbart":
        assert settings["decoder_start_token_id"] == mark
        assert "forced_bos_token_id" not in settings
    else:
        assert settings["forced_bos_token_id"] == mark
        assert [ids[0] for _, ids in trips[name]["tokens"]] == [mark] * 4
    kept = transformers.GenerationConfig.from_pretrained(session.folder / "model")
    assert (kept.decoder_start_token_id, kept.forced_bos_token_id, kept.max_new_tokens) == (
        settings["decoder_start_token_id"],
        settings.get("forced_bos_token_id"),
        12,
    )


def test_a_finished_writer_answers_new_rows_and_evaluates_twice_alike(tmp_path):
    made = texts.make(tmp_path)
    model = writers.writer(tmp_path / "bart", "bart")
    result = hf_suite.run(texts.run_config(made, model, output=str(tmp_path / "run"), train={"max_steps": 2}))
    cut = result.counts["validation"]["cut_answers"]
    assert cut > 0
    assert f"validation: {cut} of 20 answers met the limit of 24 tokens" in result.caveats
    predictor = hf_suite.load(tmp_path / "run")
    one, two = predictor.answer([{"source": "the old dog"}, {"source": "a cat"}])
    assert [one, two] == predictor.answer([{"source": "the old dog"}, {"source": "a cat"}], batch_size=1)
    mirrors = (str(made.mirror),)
    again = [
        hf_suite.evaluate_run(tmp_path / "run", output=tmp_path / name, mirrors=mirrors) for name in ("first", "second")
    ]
    assert again[0].scores == again[1].scores == result.scores
    beams = hf_suite.evaluate_run(
        tmp_path / "run", over={"generation": {"num_beams": 2}}, output=tmp_path / "beams", mirrors=mirrors
    )
    assert beams.resolved["generation"]["num_beams"] == 2


def test_scored_again_a_run_writes_down_what_was_asked_alone(tmp_path, tiny_checkpoint):
    made = texts.make(tmp_path / "texts")
    said = {"generation": {"no_repeat_ngram_size": 3, "repetition_penalty": 1.5}, "max_target_length": 12}
    config = texts.run_config(made, tiny_checkpoint("t5"), output=str(tmp_path / "run"), train={"max_steps": 1}, **said)
    hf_suite.run(config)
    over = {"generation": {"num_beams": 2, "no_repeat_ngram_size": None}, "eval_limit": 4}

    again = hf_suite.evaluate_run(tmp_path / "run", over=over, mirrors=(str(made.mirror),), output=tmp_path / "again")

    asked = {"no_repeat_ngram_size": None, "repetition_penalty": 1.5, "num_beams": 2}
    assert again.config["generation"] == asked
    assert again.resolved["generation"] == {
        **asked, "max_new_tokens": 12, "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
    }  # fmt: skip
