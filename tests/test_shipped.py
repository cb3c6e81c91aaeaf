"""Where the shipped files are, and what is said of one that is not there."""

import pytest

from hf_suite import shipped
from hf_suite.errors import ConfigError


def refusal(name, word):
    with pytest.raises(ConfigError) as caught:
        shipped.find(name, word)
    return str(caught.value)


@pytest.mark.parametrize(("name", "known"), [("tasks", "sst2"), ("configs", "lora-small"), ("suites", "glue")])
def test_a_shipped_file_is_found_by_its_stem(name, known):
    found = shipped.find(name, known)

    assert found.name == f"{known}.yaml"
    assert found.is_file()


def test_a_file_of_ones_own_is_found_by_its_path(tmp_path):
    own = tmp_path / "sst2.yaml"
    own.write_text("name: sst2\n")

    assert shipped.find("tasks", str(own)) == own


def test_files_are_sorted_by_name_whatever_folder_they_are_in():
    names = list(shipped.files("tasks"))

    assert names == sorted(names)
    assert names.index("squad") < names.index("sst2")


def test_every_folder_is_there():
    assert all(shipped.folder(name).is_dir() for name in ("tasks", "configs", "suites", "demo-data"))


def test_an_unknown_name_is_refused_with_the_nearest_and_all_there_are():
    listed = ", ".join(shipped.files("suites"))

    assert refusal("suites", "gleu") == f"gleu: no suite of that name; did you mean 'glue'? there are: {listed}"


def test_a_name_that_nothing_is_near_to_is_refused_with_all_there_are():
    listed = ", ".join(shipped.files("configs"))

    assert refusal("configs", "zzz") == f"zzz: no config of that name; there are: {listed}"


def test_a_path_without_a_file_is_refused():
    listed = ", ".join(shipped.files("configs"))

    assert refusal("configs", "my/run.yaml") == (
        f"my/run.yaml: no such file; give a path to a YAML file or one of: {listed}"
    )
