"""Pages of results: whole, and between two marks of a page written by hand."""

import pytest
from results import COLA, result, write

from hf_suite.errors import RunError
from hf_suite.report.markdown import results_page, write_page


def test_one_folder_is_a_table_without_a_heading(tmp_path):
    write(tmp_path / "laptop", result(COLA))

    assert results_page([tmp_path / "laptop"]).startswith("| task | model | seeds | number | score |\n")


def test_several_folders_have_a_heading_each(tmp_path):
    for name in ("laptop", "server"):
        write(tmp_path / name, result(COLA))

    page = results_page([tmp_path / "laptop", tmp_path / "server"])

    assert [line for line in page.splitlines() if line.startswith("#")] == ["### laptop", "### server"]


def test_what_stands_between_the_marks_is_replaced_and_nothing_else(tmp_path):
    file = tmp_path / "README.md"
    file.write_text("# Mine\n\n<!-- results -->\nold\n<!-- /results -->\n\nThe end.\n")

    write_page(file, "| new |\n")
    write_page(file, "| newer |\n")

    assert file.read_text() == "# Mine\n\n<!-- results -->\n| newer |\n<!-- /results -->\n\nThe end.\n"


def test_a_page_that_is_not_there_is_made_with_the_marks(tmp_path):
    write_page(tmp_path / "RESULTS.md", "| new |\n")

    made = "# Results\n\n<!-- results -->\n| new |\n<!-- /results -->\n"
    assert (tmp_path / "RESULTS.md").read_text() == made


def test_a_page_without_the_marks_is_refused_and_left_as_it_is(tmp_path):
    file = tmp_path / "README.md"
    file.write_text("# Mine\n")

    with pytest.raises(RunError) as e:
        write_page(file, "| new |\n")

    assert str(e.value) == (
        f"{file}: has no single pair of <!-- results --> and <!-- /results -->; "
        "put the pair into it once, around what may be replaced, or name a file that is not there"
    )
    assert file.read_text() == "# Mine\n"
