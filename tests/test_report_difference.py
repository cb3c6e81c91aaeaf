"""What a config says that the defaults do not."""

from hf_suite.report.difference import difference, settings, words


def test_only_what_differs_from_the_defaults_stays():
    config = {
        "task": {"name": "cola"},
        "model": {"id": "minilm"},
        "seed": 0,
        "lora": {"rank": 16, "alpha": 16.0},
        "train": {"epochs": 3, "learning_rate": 1e-3},
    }

    assert difference(config) == {
        "task": {"name": "cola"},
        "model": {"id": "minilm"},
        "lora": {"rank": 16},
        "train": {"learning_rate": 1e-3},
    }


def test_a_part_that_is_null_by_default_stays_even_with_its_own_defaults():
    assert difference({"tune": {"share": 0.1, "group": None}}) == {"tune": {}}


def test_a_part_that_was_taken_away_stays_as_null():
    assert difference({"lora": None}) == {"lora": None}


def test_a_key_that_is_no_longer_known_stays():
    assert difference({"warp": 9}) == {"warp": 9}


def test_settings_are_what_is_the_same_for_every_seed_model_and_place():
    config = {
        "task": {"name": "cola", "columns": {"text": "review"}},
        "model": {"id": "minilm", "revision": None},
        "seed": 3,
        "output": "runs/a",
        "mirror": ["data"],
        "train": {"epochs": 5},
    }

    assert settings(config) == {"train.epochs": 5, "task.columns.text": "review"}


def test_words_are_as_the_command_line_takes_them():
    said = {"lora": None, "train.epochs": 5, "split.of": "validation", "lora.targets": ["query", "value"], "tune": {}}

    assert words(said) == 'lora=null train.epochs=5 split.of=validation lora.targets=["query", "value"] tune={}'


def test_a_text_that_yaml_would_read_otherwise_is_quoted():
    assert words({"a": "true", "b": "5", "c": "x: y"}) == 'a="true" b="5" c="x: y"'
