"""Reading task files: what their form allows, and every refusal in its own words."""

import pytest

from hf_suite import spec
from hf_suite.errors import ConfigError


def refusal(**over):
    """What is said of sst2 with these fields."""
    with pytest.raises(ConfigError) as caught:
        spec.read("sst2", over)
    return str(caught.value)


def test_a_task_is_read_by_its_name():
    found = spec.read("mnli")
    assert found.source.eval == ("validation_matched", "validation_mismatched")
    assert found.labels == ("entailment", "neutral", "contradiction")
    assert found.columns == {"text": "premise", "text_pair": "hypothesis", "label": "label"}
    assert (found.target, found.trained_on, found.pinned) == ("label", None, True)
    assert found.metric_names() == ["accuracy"]


def test_fields_can_be_laid_upon_those_of_the_file():
    found = spec.read("sst2", {"columns": {"text": "review"}, "source": {"revision": None}})
    assert found.columns == {"text": "review", "label": "label"}
    assert (found.source.path, found.pinned) == ("nyu-mll/glue", False)


def test_a_file_of_the_users_own_is_read_by_its_path(tmp_path):
    file = tmp_path / "own.yaml"
    form = (
        "name: own\nkind: classification\nversion: 1\nsource: {path: a/b, subset: c}\n"
        "columns: {text: t, label: l}\nlabels: [x, y]\nheadline: accuracy\n"
    )
    file.write_text(form, "utf-8")
    with pytest.raises(ConfigError) as caught:
        spec.read(str(file))
    assert str(caught.value) == f"{file}: key 'metrics' is missing; add it"
    metrics = "metrics: [accuracy, {name: 'evaluate:m.py', unit: ratio, better: lower}]\n"
    file.write_text(form + metrics, "utf-8")
    assert spec.read(str(file)).metric_names() == ["accuracy", "evaluate:m.py"]


def test_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(ConfigError) as caught:
        spec.read("sst3")
    there = ", ".join(spec.names())
    assert str(caught.value) == f"sst3: no task of that name; did you mean 'sst2'? there are: {there}"


def test_a_path_without_a_file_is_refused():
    with pytest.raises(ConfigError) as caught:
        spec.read("./none.yaml")
    there = ", ".join(spec.names())
    assert str(caught.value) == (f"./none.yaml: no such file; give a path to a YAML file or one of: {there}")


def test_a_name_that_is_no_task_name_is_refused():
    assert refusal(name="SST 2") == (
        "sst2.yaml: name 'SST 2' is not a task name; use lower case letters, digits and underscores"
    )


def test_an_unknown_field_is_refused_with_the_nearest():
    assert refusal(lables=["a", "b"]) == "sst2.yaml: unknown key 'lables'; did you mean 'labels'?"


def test_labels_that_differ_only_in_spelling_are_refused():
    assert refusal(labels=["not entailment", "Not_Entailment"]) == (
        "sst2.yaml: two labels differ only in case, spaces, hyphens or underscores; rename one"
    )


def test_a_revision_is_a_whole_commit_or_null():
    for revision in ("main", "a" * 39, "A" * 40):
        assert refusal(source={"revision": revision}) == (
            f"sst2.yaml: source.revision: {revision!r} is not a commit; "
            "write its 40 hexadecimal digits in quotes, or null"
        )


def test_a_task_with_a_train_split_is_not_trained_on_another():
    assert refusal(trained_on="mnli") == ("sst2.yaml: both a train split and trained_on; keep one of them")


def test_a_task_without_metrics_or_below_version_one_is_refused():
    assert refusal(metrics=[]) == (
        "sst2.yaml: metrics is []; tuple should have at least 1 item after validation, not 0"
    )
    assert refusal(version=0) == "sst2.yaml: version is 0; input should be greater than or equal to 1"


def test_names_are_compared_without_case_spaces_hyphens_and_underscores():
    assert spec.normalized(" Not-Entailment ") == "not_entailment"
    assert spec.normalized("not  entailment") == "not_entailment"
    assert spec.normalized("STRASSE") == spec.normalized("straße")
