"""Results and answers on disk: whole or not at all, and read as they were written."""

import json

import pytest
from results import COLA, result

from hf_suite.errors import ConfigError, RunError
from hf_suite.record import read_answers, read_json, read_result, write_answers, write_json, write_result


def test_a_result_is_read_as_it_was_written(tmp_path):
    found = result(COLA, {"validation": {"matthews_correlation": None}}, caveats=["unpinned", "größer als ½"])

    write_result(tmp_path, found)

    assert read_result(tmp_path) == found
    assert read_result(tmp_path / "result.json") == found


def test_an_undefined_score_is_null_in_the_file(tmp_path):
    write_result(tmp_path, result(COLA, {"validation": {"matthews_correlation": None}}))

    data = json.loads((tmp_path / "result.json").read_text())

    assert data["scores"] == {"validation": {"matthews_correlation": None}}
    assert data["headline"] == {"name": "matthews_correlation", "split": "validation", "score": None}
    assert data["schema"] == 1


def test_a_result_with_an_unknown_key_is_refused_with_its_file(tmp_path):
    write_result(tmp_path, result(COLA))
    file = tmp_path / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"score": 1}))

    with pytest.raises(ConfigError) as e:
        read_result(tmp_path)

    assert str(e.value) == f"{file}: unknown key 'score'; did you mean 'scores'?"


def test_a_folder_without_a_result_is_refused_with_its_file(tmp_path):
    with pytest.raises(RunError) as e:
        read_result(tmp_path)

    file = tmp_path / "result.json"
    assert str(e.value) == (
        f"{file}: cannot be read ([Errno 2] No such file or directory: '{file}'); "
        "restore it, or run again into another folder"
    )


def test_half_a_file_is_refused(tmp_path):
    (tmp_path / "bench.json").write_text('{"suite": ')

    with pytest.raises(RunError) as e:
        read_json(tmp_path / "bench.json")

    assert str(e.value) == (
        f"{tmp_path / 'bench.json'}: cannot be read (Expecting value: line 1 column 11 (char 10)); "
        "restore it, or run again into another folder"
    )


def test_json_makes_its_folder_and_leaves_nothing_beside_it(tmp_path):
    write_json(tmp_path / "a" / "b.json", {"umlaut": "ü"})

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]
    assert (tmp_path / "a" / "b.json").read_text("utf-8") == '{\n "umlaut": "ü"\n}\n'


def test_what_is_no_json_leaves_the_old_file_as_it_was(tmp_path):
    write_json(tmp_path / "a.json", {"loss": 1.0})

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})

    assert json.loads((tmp_path / "a.json").read_text()) == {"loss": 1.0}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_answers_are_read_as_they_were_written(tmp_path):
    lines = [
        {
            "split": "validation",
            "row": 7,
            "evidence": {"scores": {"ja": 0.1, "nein": -1.5}},
            "answer": "ja",
            "reference": "nein",
        },
        {
            "split": "test",
            "row": "56be4db0",
            "evidence": {"spans": [["Ünter", 3, 8, 1.25]], "null": -0.5},
            "answer": {"text": "Ünter", "no_answer": None},
            "reference": ["Ünter", "unter"],
        },
    ]

    write_answers(tmp_path / "answers.parquet", lines)

    assert list(read_answers(tmp_path / "answers.parquet")) == lines
    assert [path.name for path in tmp_path.iterdir()] == ["answers.parquet"]


def test_no_answers_are_a_file_without_lines(tmp_path):
    write_answers(tmp_path / "answers.parquet", [])

    assert list(read_answers(tmp_path / "answers.parquet")) == []
