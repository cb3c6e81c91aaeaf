"""Reading YAML and key=value, and every refusal in its own words."""

import math

import pytest

from hf_suite import schema
from hf_suite.config import LoraConfig, RunConfig
from hf_suite.errors import ConfigError


def refusal(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


def wrong(**over):
    """What is said of a RunConfig with these keys."""
    return refusal(schema.build, RunConfig, {"task": "sst2", "model": "m", **over}, "run.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("3e-4", 0.0003),
        ("1e5", 100000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("012", 12),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("null", None),
        ("", None),
        ("[a, 1, {b: c}]", ["a", 1, {"b": "c"}]),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
    ],
)
def test_values_are_read_as_yaml_1_2_reads_them(text, value):
    found = schema.parse(text, "here")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{a: 1, a: 2}", "here: key 'a' stands twice"),
        ("a: 1\nb: 2\na: 3", "here line 3: key 'a' stands twice"),
        ("{[a]: 1}", "here: a key is a list or a mapping"),
        ("{a: &x 1, b: *x}", "here: anchors and aliases are not read"),
        ("!!int x", "here: tags are not read"),
        ("!!python/object:os.system x", "here: tags are not read"),
        ("[" * 41 + "]" * 41, "here: nested more than 40 deep"),
        ("a: b: c", "here: mapping values are not allowed here"),
        ("a: 1\nb: [", "here line 2: expected the node content, but found '<stream end>'"),
    ],
)
def test_what_yaml_cannot_say_plainly_is_refused(text, finding):
    assert refusal(schema.parse, text, "here") == f"{finding}; see the file's syntax as YAML 1.2"


def test_a_file_that_holds_no_mapping_is_refused(tmp_path):
    file = tmp_path / "run.yaml"
    for text in ("", "- a\n", "a\n"):
        file.write_text(text, "utf-8")
        assert refusal(schema.read_yaml, file) == f"{file}: holds no mapping; write `key: value` lines"


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    file = tmp_path / "run.yaml"
    assert refusal(schema.read_yaml, file) == (
        f"{file}: cannot be read ([Errno 2] No such file or directory: '{file}'); give a YAML file in UTF-8"
    )
    file.write_bytes(b"a: \xff")
    assert refusal(schema.read_yaml, file) == (
        f"{file}: cannot be read ('utf-8' codec can't decode byte 0xff in position 3: invalid start byte); "
        "give a YAML file in UTF-8"
    )
    file.write_text("#" * 1_000_001, "utf-8")
    assert refusal(schema.read_yaml, file) == (f"{file}: 1,000,001 bytes; a config or task has at most 1,000,000")


def test_the_line_of_a_mistake_in_a_file_is_named(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("task: sst2\nseed: 1\nseed: 2\n", "utf-8")
    assert refusal(schema.read_yaml, file) == (
        f"{file} line 3: key 'seed' stands twice; see the file's syntax as YAML 1.2"
    )


def test_an_unknown_key_is_refused_with_the_nearest_or_all_known():
    assert wrong(sed=1) == "run.yaml: unknown key 'sed'; did you mean 'seed'?"
    assert wrong(train={"epoch": 3}) == "run.yaml: unknown key 'train.epoch'; did you mean 'epochs'?"
    assert wrong(tune={"zzz": 3}) == "run.yaml: unknown key 'tune.zzz'; known here: group, share, stratify, together"


def test_a_wrong_type_is_refused_with_what_stands_there():
    assert wrong(train={"epochs": "three"}) == ("run.yaml: train.epochs is 'three'; input should be a valid integer")
    assert wrong(train={"epochs": 0}) == ("run.yaml: train.epochs is 0; input should be greater than or equal to 1")
    assert wrong(device="gpu") == ("run.yaml: device is 'gpu'; input should be 'auto', 'cpu', 'cuda' or 'mps'")


def test_a_missing_key_is_refused():
    assert refusal(schema.build, RunConfig, {"task": "sst2"}, "run.yaml") == (
        "run.yaml: key 'model' is missing; add it"
    )


def test_a_value_that_a_field_refuses_itself_is_named_with_its_key():
    assert wrong(model={"id": "m", "revision": "main"}) == (
        "run.yaml: model.revision: 'main' is not a commit; write its 40 hexadecimal digits in quotes, or null"
    )


def test_words_become_nested_keys():
    assert schema.words(["train.epochs=3", "train.warmup=3e-4", "lora=null", "task=a=b"]) == {
        "train": {"epochs": 3, "warmup": 0.0003},
        "lora": None,
        "task": "a=b",
    }
    assert schema.words(["train=null", "train.epochs=2"]) == {"train": {"epochs": 2}}


def test_a_word_without_a_key_is_refused():
    for word in ("epochs", "=3"):
        assert refusal(schema.words, [word]) == (
            f"{word}: is neither a file nor key=value; write it as key=value, for instance train.epochs=3"
        )
    assert refusal(schema.words, ["seeds=[1"]) == (
        "seeds: expected ',' or ']', but got '<stream end>'; see the file's syntax as YAML 1.2"
    )


def test_mappings_are_merged_and_all_else_replaced():
    base = {"train": {"epochs": 3, "clip": 1.0}, "mirror": ["a"], "seed": 0}
    over = {"train": {"epochs": 5}, "mirror": ["b"]}
    assert schema.merged(base, over) == {
        "train": {"epochs": 5, "clip": 1.0},
        "mirror": ["b"],
        "seed": 0,
    }
    assert base["train"] == {"epochs": 3, "clip": 1.0}


def test_the_record_inside_an_optional_field_is_found():
    assert schema.record_of(RunConfig.model_fields["lora"].annotation) is LoraConfig
    assert schema.record_of(RunConfig.model_fields["seed"].annotation) is None


def test_what_is_written_as_yaml_is_read_as_the_same():
    data = {"name": "é: ü", "labels": ["yes", "no"], "rate": 3e-4, "train": None, "deep": {"n": 1}}
    text = schema.dump_yaml(data)
    assert schema.parse(text, "here") == data
    assert list(schema.parse(text, "here")) == list(data)


def test_what_is_dumped_is_read_back_with_its_types(tmp_path):
    said = {
        "a": "1e5",
        "b": "true",
        "c": "no",
        "d": "3",
        "e": 3e-4,
        "f": None,
        "g": "null",
        "h": ["~", "x: y"],
        "i": False,
    }
    (tmp_path / "said.yaml").write_text(schema.dump_yaml(said), "utf-8")
    assert schema.read_yaml(tmp_path / "said.yaml") == said
