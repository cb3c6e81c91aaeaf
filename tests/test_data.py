"""Fetching rows: mirrors before the hub, files by their content, and what is said when nothing is there."""

import hashlib
import http.server
import json
import threading

import datasets
import huggingface_hub
import pytest

from hf_suite import data, schema, shipped
from hf_suite.errors import DataError, MissingData
from hf_suite.spec import TaskSpec

REVIEWS = {
    "name": "reviews",
    "kind": "classification",
    "version": 1,
    "source": {"path": "own/reviews", "subset": "plain", "train": "train", "eval": ["validation"]},
    "columns": {"text": "sentence", "label": "label"},
    "labels": ["negative", "positive"],
    "metrics": ["accuracy"],
    "headline": "accuracy",
}
ROWS = [
    {"sentence": "a fine film", "label": "positive"},
    {"sentence": "a dull film", "label": "negative"},
    {"sentence": "a film", "label": None},
]


@pytest.fixture(autouse=True)
def nothing_but_the_test(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def task(**over):
    return schema.build(TaskSpec, schema.merged(REVIEWS, over), "test")


def write(mirror, rows=ROWS, *, split="train"):
    """A split of own/reviews in a mirror, as JSON lines; the file's path."""
    file = mirror / "own/reviews/plain" / f"{split}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def refusal(spec, split="train", **keywords):
    with pytest.raises(DataError) as caught:
        data.rows(spec, split, **keywords)
    return caught.value


def test_a_jsonl_mirror_gives_rows_by_role(tmp_path):
    file = write(tmp_path)
    found = data.rows(task(), "train", mirrors=[str(tmp_path)])
    assert found.rows.to_list() == [
        {"row": 0, "text": "a fine film", "label": "positive"},
        {"row": 1, "text": "a dull film", "label": "negative"},
        {"row": 2, "text": "a film", "label": None},
    ]
    assert (found.name, found.total, found.dropped, found.revision) == ("train", 3, 0, None)
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_parquet_mirror_carries_its_own_label_names(tmp_path):
    names = datasets.ClassLabel(names=["Positive", "Negative"])
    features = datasets.Features({"sentence": datasets.Value("string"), "label": names})
    rows = datasets.Dataset.from_dict({"sentence": ["fine", "dull"], "label": [0, 1]}, features=features)
    folder = tmp_path / "own/reviews/plain"
    folder.mkdir(parents=True)
    rows.to_parquet(folder / "train.parquet")
    found = data.rows(task(), "train", mirrors=[str(tmp_path)])
    assert found.rows["label"][:] == ["positive", "negative"]


def test_a_readme_beside_the_file_changes_nothing(tmp_path):
    file = write(tmp_path)
    card = "---\nconfigs:\n- config_name: default\n  data_files: other.jsonl\n---\n"
    (file.parent / "README.md").write_text(card, "utf-8")
    assert len(data.rows(task(), "train", mirrors=[str(tmp_path)]).rows) == 3


def test_rows_without_a_label_are_counted_and_dropped_where_the_task_says_so(tmp_path):
    write(tmp_path, [ROWS[2], *ROWS])
    found = data.rows(task(drop_unlabelled=True), "train", mirrors=[str(tmp_path)])
    assert found.rows["row"][:] == [1, 2]
    assert (found.total, found.dropped) == (4, 2)


def test_a_mirror_that_is_given_goes_before_that_of_the_environment(tmp_path, monkeypatch):
    write(tmp_path / "given", ROWS[:1])
    write(tmp_path / "environment", ROWS[:2])
    write(tmp_path / "environment", ROWS[:2], split="validation")
    monkeypatch.setenv("HF_SUITE_MIRROR", f"{tmp_path / 'empty'}:{tmp_path / 'environment'}")
    assert len(data.rows(task(), "train", mirrors=[str(tmp_path / "given")]).rows) == 1
    assert len(data.rows(task(), "validation", mirrors=[str(tmp_path / "given")]).rows) == 2
    assert len(data.rows(task(), "train").rows) == 2


def test_the_demo_rows_are_found_without_any_mirror():
    spec = task(source={"path": "hf-suite/demo", "subset": "reviews"}, columns={"text": "text"})
    assert len(data.rows(spec, "validation").rows) > 100


def test_a_text_in_a_mirror_is_one_text_where_a_task_says_so_and_else_a_row_a_line(tmp_path):
    file = tmp_path / "own/stories/plain/train.txt"
    file.parent.mkdir(parents=True)
    file.write_text("A man, a dog.\n\n  The end.\n", "utf-8")
    stories = {
        "name": "stories",
        "kind": "language_modeling",
        "version": 1,
        "source": {"path": "own/stories", "subset": "plain", "train": "train", "eval": []},
        "columns": {"text": "text"},
        "metrics": ["bits_per_byte"],
        "headline": "bits_per_byte",
    }
    whole, lines = (schema.build(TaskSpec, {**stories, "document": how}, "test") for how in ("split", "row"))

    assert "".join(data.texts(whole, "train", mirrors=[str(tmp_path)])) == "A man, a dog.\n\n  The end.\n"
    assert data.identify(whole, "train", mirrors=[str(tmp_path)]) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert data.rows(lines, "train", mirrors=[str(tmp_path)]).rows["text"][:] == ["A man, a dog.", "", "  The end."]


def test_a_split_that_is_nowhere_names_each_place(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_SUITE_MIRROR", "/there")
    error = refusal(task(), mirrors=["/here"])
    assert isinstance(error, MissingData)
    assert str(error) == (
        "own/reviews/plain: split train is not at hand: no train.parquet, .jsonl or .txt in a mirror, and the hub is "
        "switched off (HF_HUB_OFFLINE); give a folder that has it as --mirror or HF_SUITE_MIRROR (looked under /here, "
        f"/there, {shipped.folder('demo-data')})"
    )


def test_a_hub_out_of_reach_is_missing_data(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    error = refusal(task())
    assert isinstance(error, MissingData)
    assert "and the hub does not give it (" in str(error)
    assert data.identify(task(), "train") is None


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    file = write(tmp_path, [])
    assert str(refusal(task(), mirrors=[str(tmp_path)])) == (
        f"{file}: the file has no rows; restore it, or remove it to look elsewhere"
    )
    file.write_text('{"sentence": "cut', "utf-8")
    assert str(refusal(task(), mirrors=[str(tmp_path)])).startswith(f"{file}: cannot be read as json (")
    file.rename(file.with_suffix(".parquet"))
    assert str(refusal(task(), mirrors=[str(tmp_path)])).startswith(
        f"{file.with_suffix('.parquet')}: cannot be read as parquet ("
    )


def test_a_split_is_identified_by_the_content_of_its_file(tmp_path):
    file = write(tmp_path)
    before = data.identify(task(), "train", mirrors=[str(tmp_path)])
    assert before == hashlib.sha256(file.read_bytes()).hexdigest()
    write(tmp_path, ROWS[:2])
    assert data.identify(task(), "train", mirrors=[str(tmp_path)]) != before
    assert data.identify(task(), "validation", mirrors=[str(tmp_path)]) is None


class _Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"id": "own/reviews", "sha": "a" * 40}).encode()
        self.send_response(200 if self.path == "/api/datasets/own/reviews" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_rows_of_the_hub_are_identified_by_its_commit(monkeypatch):
    with http.server.HTTPServer(("127.0.0.1", 0), _Hub) as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        found = data.identify(task(), "train")
        other = data.identify(task(source={"path": "own/others"}), "train")
        hub.shutdown()
        thread.join()
    assert found == "own/reviews@" + "a" * 40
    assert other is None


def test_references_are_the_gold_labels_by_row(tmp_path):
    write(tmp_path, ROWS[:2])
    assert data.references(task(), "train", mirrors=[str(tmp_path)]) == {0: "positive", 1: "negative"}


def test_references_of_rows_without_labels_are_refused(tmp_path):
    write(tmp_path, [ROWS[2]] * 3)
    write(tmp_path, ROWS, split="validation")
    with pytest.raises(MissingData) as caught:
        data.references(task(), "train", mirrors=[str(tmp_path)])
    assert str(caught.value) == (
        "reviews train: none of the 3 rows has a label, so there is nothing to learn from; "
        "name the column that has them as task.columns.label=COLUMN"
    )
    with pytest.raises(DataError) as caught:
        data.references(task(), "validation", mirrors=[str(tmp_path)])
    assert str(caught.value) == (
        "reviews validation: 1 of 3 rows have no label, first row 2; set task.drop_unlabelled=true to leave them out"
    )
