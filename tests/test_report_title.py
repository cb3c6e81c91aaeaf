"""The name under which a Result stands: a subset never under the bare name of its set."""

from results import COLA, MNLI, result

from hf_suite.report.title import title

AX = COLA | {"name": "ax", "source": {"path": "glue", "subset": "ax", "eval": ["test"]}, "trained_on": "mnli"}


def test_a_run_on_all_rows_bears_the_bare_name():
    assert title(result(COLA)) == "cola"


def test_fewer_train_rows_than_published_are_named():
    rows = {"train": 2000, "validation": 100}

    found = result(COLA, rows=rows, expected_rows={"train": 8551, "validation": 100}, config={"limit": 2000})

    assert title(found) == "cola [2,000 train rows]"


def test_a_limit_above_the_number_of_rows_makes_no_subset():
    assert title(result(COLA, config={"limit": 5000})) == "cola"


def test_an_incomplete_mirror_is_a_subset_without_any_limit():
    found = result(COLA, rows={"train": 999, "validation": 100}, caveats=["train: 999 of 1,000 rows"])

    assert title(found) == "cola [999 train rows]"


def test_rows_kept_for_tuning_are_not_missing():
    assert title(result(COLA, rows={"train": 900, "tune": 100, "validation": 100})) == "cola"


def test_rows_left_out_for_want_of_a_label_are_not_missing():
    found = result(
        COLA,
        rows={"train": 990, "validation": 98},
        caveats=[
            "train: 10 rows without a label left out",
            "validation: 2 rows without a label left out",
        ],
    )

    assert title(found) == "cola"


def test_without_a_published_count_a_limit_that_cut_makes_a_subset():
    unknown = {"train": None, "validation": None}

    cut = result(COLA, rows={"train": 500, "validation": 100}, expected_rows=unknown, caveats=["limit 500"])
    whole = result(COLA, rows={"train": 500, "validation": 100}, expected_rows=unknown, config={"limit": 600})

    assert (title(cut), title(whole)) == ("cola [500 train rows]", "cola")


def test_documents_joined_from_all_rows_are_whole_and_from_fewer_are_not():
    unknown, joined = {"train": None, "validation": None}, {"train": 600, "validation": 60}

    whole = result(COLA, rows=joined, expected_rows=unknown)
    fewer = result(COLA, rows=joined, expected_rows=unknown, caveats=["validation: 3,000 of 3,760 rows"])

    assert (title(whole), title(fewer)) == ("cola", "cola [60 validation rows]")


def test_fewer_eval_rows_are_named_with_their_split():
    found = result(MNLI, rows={"train": 1000, "validation_matched": 50, "validation_mismatched": 100})

    assert title(found) == "mnli [50 validation_matched rows]"


def test_a_missing_eval_split_is_named():
    found = result(MNLI, rows={"train": 1000, "validation_matched": 100})

    assert title(found) == "mnli [without validation_mismatched]"


def test_rows_cut_anew_are_named_with_what_they_were_cut_from():
    split = {"of": "validation", "shares": {"train": 0.5, "eval": 0.5}, "group": "title"}

    found = result(COLA, rows={"train": 5400, "tune": 600, "validation": 5900}, config={"split": split})

    assert title(found) == "cola [5,400 train and 5,900 validation rows cut anew from validation by title]"


def test_a_task_answered_by_a_run_on_a_subset_shows_the_limit():
    found = result(AX, {"test": {"matthews_correlation": 20.0}}, config={"limit": 500}, lineage=[{"task": "mnli"}])

    assert title(found) == "ax [limit 500]"


def test_a_model_evaluated_as_it_is_has_no_train_rows_to_miss():
    found = result(COLA, rows={"validation": 100}, config={"train": None})

    assert title(found) == "cola"
