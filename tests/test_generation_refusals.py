"""What is refused of writing: settings that contradict, languages that are not known, limits beyond the model."""

import apart
import pytest
import texts
import world
import writers

from hf_suite.adapters import languages, settings
from hf_suite.errors import SuiteError


def refusal(call, *args, **keywords):
    with pytest.raises(SuiteError) as caught:
        call(*args, **keywords)
    return str(caught.value)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return texts.make(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    root, known = tmp_path_factory.mktemp("models"), {}

    def make(name):
        if name not in known:
            known[name] = writers.writer(root / name, name)
        return known[name]

    return make


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"temperature": 0.7},
            "generation.temperature: 0.7, and nothing is sampled; say generation.do_sample=true too, or take it out",
        ),
        (
            {"length_penalty": 2.0},
            "generation.length_penalty: 2.0, and there is one beam; say generation.num_beams=4 too, or take it out",
        ),
        ({"num_beams": 4, "do_sample": True}, "generation.num_beams: 4, and do_sample is true; keep one of the two"),
        (
            {"num_return_sequences": 3},
            "generation.num_return_sequences: 3, and the search finds 1; "
            "say generation.num_beams=3 or generation.do_sample=true",
        ),
        ({"num_bems": 4}, "generation: GenerationConfig has no field 'num_bems'; did you mean 'num_beams'?"),
        ({"max_length": 50}, "generation.max_length: counts the prompt too; say generation.max_new_tokens"),
        (
            {"penalty_alpha": 0.6},
            "generation.penalty_alpha: transformers 5 has it no more; say generation.do_sample=true",
        ),
        (
            {"max_new_tokens": 0},
            "generation: transformers refuses it (`max_new_tokens` must be greater than 0, but is 0.); "
            "see its GenerationConfig",
        ),
        (
            {"do_sample": True, "temperature": 0},
            "generation.temperature: 0; say more than 0; "
            "without generation.do_sample the most probable tokens are taken",
        ),
        ({"num_beams": 0}, "generation.num_beams: 0; say a whole number from 1 on"),
        ({"no_repeat_ngram_size": 2.5}, "generation.no_repeat_ngram_size: 2.5; say a whole number from 0 on"),
        ({"eos_token_id": "</s>"}, "generation.eos_token_id: '</s>'; say the token's id, a whole number"),
        ({"stop_strings": [""]}, "generation.stop_strings: ['']; say a text or a list of texts, none empty"),
        (
            {"prompt_lookup_num_tokens": 3},
            "generation.prompt_lookup_num_tokens: is for one row at a time, and many are answered; take it out",
        ),
        (
            {"do_sample": True, "top_p": 1.5},
            "generation: transformers refuses it (`top_p` has to be a float > 0 and < 1, but is 1.5); "
            "see its GenerationConfig",
        ),
        (
            {"repetition_penalty": 0},
            "generation: transformers refuses it (`penalty` has to be a strictly positive float, but is 0.0); "
            "see its GenerationConfig",
        ),
        (
            {"bad_words_ids": []},
            "generation: transformers refuses it (`bad_words_ids` has to be a non-empty list, but is [].); "
            "see its GenerationConfig",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(given, message):
    assert refusal(settings.check, given) == message


def test_settings_are_refused_before_data_are_read(made, writer):
    config = texts.run_config(made, writer("bart"), generation={"temperature": 0.7}, mirror=["nowhere"])
    assert refusal(texts.session, config).startswith("generation.temperature: 0.7, and nothing is sampled")


def test_a_number_needs_no_point(made, writer):
    over = {"generation": {"do_sample": True, "temperature": 2, "repetition_penalty": 2}, "max_target_length": 8}
    assert (
        len(texts.texts_of(texts.session(texts.run_config(made, writer("bart"), **over)), batch_size=2, count=2)) == 2
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"guidance_scale": 1.5},
            "generation.guidance_scale: 1.5, and t5 reads no prompt that it could do without; "
            "take it out, or take a decoder (GPT-2, Llama)",
        ),
        (
            {"forced_bos_token_id": 99_999},
            "generation.forced_bos_token_id: 99,999, and t5 has 292 tokens; say one from 0 to 291",
        ),
    ],
)
def test_settings_that_a_model_cannot_have_are_refused(made, writer, given, message):
    assert refusal(texts.session, texts.run_config(made, writer("t5"), generation=given)) == message


def test_a_target_longer_than_the_model_can_write_is_refused(made, writer):
    assert refusal(texts.session, texts.run_config(made, writer("bart"), max_target_length=65)) == (
        "max_target_length: 65 tokens, and bart can write 64; say max_target_length=64 or less"
    )


def test_a_model_that_cannot_generate_is_refused(made, tiny_checkpoint):
    assert refusal(texts.session, texts.run_config(made, tiny_checkpoint("bert"))) == (
        "bert: Bert has no class for translation; "
        "take an encoder-decoder (T5, BART, Marian) or a decoder (GPT-2, Llama)"
    )


def test_a_target_column_that_is_not_there_is_refused_with_the_nearest(made, writer):
    over = {"task": {"columns": {"target": "backward"}}}
    assert refusal(texts.session, texts.run_config(made, writer("bart"), **over)) == (
        "backwards train: no column 'backward'; did you mean 'backwards'? there are: english, backwards; "
        "write task.columns.target=COLUMN"
    )


def test_targets_that_are_all_empty_are_refused(tmp_path, writer):
    made = texts.make(tmp_path)
    for split in ("train", "validation"):
        file = made.mirror / "own" / "backwards" / "default" / f"{split}.jsonl"
        world.write_rows(file, [{"english": "a dog", "backwards": " "}] * 4)
    assert refusal(texts.session, texts.run_config(made, writer("bart"))) == (
        "backwards train: none of the 4 rows has a target, so there is nothing to learn from; "
        "name the column that has them as task.columns.target=COLUMN"
    )
    assert refusal(texts.session, texts.run_config(made, writer("bart"), train=None)) == (
        "backwards validation: none of the 4 rows has a target, so they can be answered but not scored; "
        "name a split with labels as task.source.eval=[...]"
    )


@pytest.mark.parametrize("method", ["prompt", "prefix", "p_tuning"])
@pytest.mark.parametrize("name", ["t5", "gpt2"])
def test_vectors_before_a_text_are_refused_where_a_model_writes(made, writer, tiny_checkpoint, method, name):
    model = writer("t5") if name == "t5" else tiny_checkpoint("gpt2")
    lora = {"method": method, "rank": None}
    assert refusal(texts.session, texts.run_config(made, model, lora=lora, max_length=64, max_target_length=12)) == (
        f"lora.method: {method} is offered for classification and question answering alone; "
        "take another method, such as lora"
    )


def test_an_unknown_language_is_refused_with_the_nearest_and_all(made, writer):
    given = {"languages": {"target": "deu_Lat"}}
    message = refusal(texts.session, texts.run_config(made, writer("nllb"), **given))
    first = (
        "languages.target: nllb knows no language 'deu_Lat'; did you mean 'deu_Latn'? it knows: ace_Arab, ace_Latn, "
    )
    assert message.startswith(first)
    assert message.endswith(", zsm_Latn, zul_Latn")
    assert refusal(texts.session, texts.run_config(made, writer("marian-many"), languages={"target": "fr"})) == (
        "languages.target: marian-many knows no language 'fr'; did you mean 'fra'? it knows: >>de<<, >>fra<<"
    )


def test_a_language_that_may_be_two_is_refused_with_both(tmp_path):
    message = refusal(
        languages.code, None, "zh", ["zho_Hans", "zho_Hant", "eng_Latn"], key="languages.target", name="nllb"
    )
    assert message == "languages.target: 'zh' may be zho_Hans, zho_Hant; say languages.target=zho_Hans"
    assert languages.code(None, "en", ["en_XX", "de_DE"], key="languages.source", name="mbart") == "en_XX"


def test_a_language_that_nobody_says_is_refused(tmp_path, writer):
    made = texts.make(tmp_path, kind="text2text")
    message = refusal(texts.session, texts.run_config(made, writer("m2m_100")))
    assert message.startswith("languages.source: m2m_100 must be told its language; say one of: af, am, ar, ")
    assert refusal(texts.session, texts.run_config(made, writer("bart"), languages={"target": "de"})) == (
        "languages: bart's tokenizer knows none; take the key out"
    )


def test_t5_as_it_is_is_refused_what_it_was_not_taught(made, writer):
    over = {"train": None, "task": {"languages": {"target": "it"}}}
    assert refusal(texts.session, texts.run_config(made, writer("t5"), **over)) == (
        "prompt: t5 was taught none for translation_en_to_it; "
        "begin prompt with one of: 'summarize: ', 'translate English to German: '"
    )
    wrong = "translate English to Germn: {source}"
    assert refusal(texts.session, texts.run_config(made, writer("t5"), train=None, prompt=wrong)) == (
        f"prompt: t5 was not taught {wrong!r}; did you mean 'translate English to German: {{source}}'? "
        "it was taught: 'summarize: ', 'translate English to German: '"
    )


def test_keys_of_writing_are_refused_where_nothing_is_written(small_world, tiny_checkpoint):
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), generation={"num_beams": 2})
    assert refusal(texts.session, config) == (
        "generation: protocol head writes no text; take it out, or say protocol=generation"
    )


def without_sentencepiece(folder):
    import sys

    import transformers

    from hf_suite import models

    transformers.utils.import_utils.is_sentencepiece_available.cache_clear()
    for name in [name for name in sys.modules if name.startswith(("sentencepiece", "transformers.models.marian"))]:
        del sys.modules[name]
    sys.modules["sentencepiece"] = None
    try:
        models.load_tokenizer(models.Located(folder, folder.name, None))
    except SuiteError as error:
        return str(error)


def test_a_tokenizer_that_needs_sentencepiece_says_how_to_get_it(writer):
    assert apart.call(without_sentencepiece, writer("marian")) == (
        "marian: its tokenizer needs sentencepiece, which is not installed; pip install sentencepiece"
    )
