"""Fetching from a hub, and what is said when it keeps a repository closed: over HTTP, with the real library."""

import hub
import huggingface_hub
import pytest
import torch
import transformers
import world
from hub import COMMIT, Closed

import hf_suite
from hf_suite import data, models, schema, shipped
from hf_suite.config import ModelConfig
from hf_suite.errors import DataError, ModelError
from hf_suite.hub import refusal
from hf_suite.spec import TaskSpec

GATED = Closed(401, "GatedRepo")
NO_ACCESS = Closed(403, "GatedRepo")
PRIVATE = Closed(401, "RepoNotFound")
BAD_TOKEN = Closed(401, "", "Invalid credentials in Authorization header")
LOGIN = "hf_a-login-of-the-test"


@pytest.fixture(autouse=True)
def nothing_but_the_test(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """A folder as a dataset's repository holds it, with the rows of the small world's task `reviews`."""
    root = tmp_path_factory.mktemp("reviews")
    made = world.make(root / "world")
    for file in sorted((made.mirror / "own" / "reviews" / "default").iterdir()):
        (root / "repository" / "data").mkdir(parents=True, exist_ok=True)
        (root / "repository" / "data" / file.name).write_bytes(file.read_bytes())
    return root / "repository"


def task(path, revision=None):
    source = {"path": path, **({"revision": revision} if revision else {})}
    return schema.build(TaskSpec, world.task("reviews", source=source), "test")


def test_a_run_fetches_model_and_rows_at_their_commits(monkeypatch, tiny_checkpoint, reviews, tmp_path):
    there = {"models/maker/bert": tiny_checkpoint("bert"), "datasets/maker/reviews": reviews}
    file = world.write_task(tmp_path, "reviews", source={"path": "maker/reviews"})
    made = world.World(tmp_path / "no mirror", {"reviews": file})
    with hub.serving(monkeypatch, there):
        result = hf_suite.run(world.run_config(made, "reviews", "maker/bert", output=str(tmp_path / "run")))
    assert (result.model["id"], result.model["revision"]) == ("maker/bert", COMMIT)
    assert (result.data["revision"], result.rows) == (COMMIT, {"train": 64, "validation": 24})


def test_what_was_fetched_once_is_there_when_the_hub_is_switched_off(monkeypatch, tiny_checkpoint):
    with hub.serving(monkeypatch, {"models/maker/kept": tiny_checkpoint("bert")}) as asked:
        first = models.locate(ModelConfig(id="maker/kept", revision=COMMIT))
        assert sorted(path.name for path in first.folder.iterdir()) == [
            *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
        ]
        asked.clear()
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        again = models.locate(ModelConfig(id="maker/kept", revision=COMMIT))
    assert (again.folder, again.revision, asked) == (first.folder, COMMIT, [])


def test_weights_that_are_no_safetensors_are_fetched_where_there_are_none_else(monkeypatch, tiny_checkpoint, tmp_path):
    folder = tmp_path / "old"
    model = transformers.BertForMaskedLM.from_pretrained(tiny_checkpoint("bert"))
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with hub.serving(monkeypatch, {"models/maker/old": folder}):
        found = models.locate(ModelConfig(id="maker/old"))
    assert sorted(path.name for path in found.folder.iterdir()) == ["config.json", "pytorch_model.bin"]


ELSE = ", or give a folder or a mirror that holds it (--mirror)"


@pytest.mark.parametrize(
    ("repository", "token", "message"),
    [
        (
            GATED,
            None,
            "it is gated and you are not logged in; ask for access on https://huggingface.co/maker/closed, "
            f"then `hf auth login`{ELSE}",
        ),
        (
            NO_ACCESS,
            LOGIN,
            f"it is gated and your account has no access; ask for access on https://huggingface.co/maker/closed{ELSE}",
        ),
        (
            PRIVATE,
            None,
            "there is none of that name, or it is private and you are not logged in; "
            f"look at https://huggingface.co/maker/closed, then `hf auth login`{ELSE}",
        ),
        (
            PRIVATE,
            LOGIN,
            f"there is none of that name that your account may see; look at https://huggingface.co/maker/closed{ELSE}",
        ),
        (
            BAD_TOKEN,
            LOGIN,
            "your token is refused; look at https://huggingface.co/maker/closed and `hf auth login` anew, "
            f"or unset HF_TOKEN{ELSE}",
        ),
    ],
)
def test_a_model_that_the_hub_keeps_closed_names_its_page(monkeypatch, repository, token, message):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with hub.serving(monkeypatch, {"models/maker/closed": repository}), pytest.raises(ModelError) as caught:
        models.locate(ModelConfig(id="maker/closed"))
    assert str(caught.value) == f"maker/closed: no such folder, and on the hub {message}"


def test_a_gated_model_of_which_only_the_list_is_open_names_its_page(monkeypatch, tiny_checkpoint):
    gated = GATED._replace(listed=tiny_checkpoint("bert"))
    with hub.serving(monkeypatch, {"models/maker/gated": gated}), pytest.raises(ModelError) as caught:
        models.locate(ModelConfig(id="maker/gated"))
    assert str(caught.value) == (
        "maker/gated: no such folder, and on the hub it is gated and you are not logged in; "
        f"ask for access on https://huggingface.co/maker/gated, then `hf auth login`{ELSE}"
    )


def test_a_commit_that_is_not_there_names_the_page_of_those_that_are(monkeypatch):
    gone = {"models/maker/bert": Closed(404, "RevisionNotFound")}
    with hub.serving(monkeypatch, gone), pytest.raises(ModelError) as caught:
        models.locate(ModelConfig(id="maker/bert", revision="f" * 40))
    assert str(caught.value) == (
        "maker/bert: no such folder, and on the hub it has no such commit; "
        f"take one that stands on https://huggingface.co/maker/bert/commits/main{ELSE}"
    )


@pytest.mark.parametrize(
    ("revision", "repository", "why", "way"),
    [
        (None, PRIVATE, "there is none of that name, or it is private and you are not logged in", "look at"),
        (None, GATED, "it is gated and you are not logged in", "ask for access on"),
        (COMMIT, GATED, "it is gated and you are not logged in", "ask for access on"),
    ],
)
def test_a_dataset_that_the_hub_keeps_closed_names_its_page(monkeypatch, reviews, revision, repository, why, way):
    if repository is GATED:
        repository = GATED._replace(listed=reviews)
    with hub.serving(monkeypatch, {"datasets/maker/closed": repository}), pytest.raises(DataError) as caught:
        data.rows(task("maker/closed", revision), "train")
    assert str(caught.value) == (
        "maker/closed/default: split train is not at hand: no train.parquet, .jsonl or .txt in a mirror, and on the "
        f"hub {why}; {way} https://huggingface.co/datasets/maker/closed, then `hf auth login`, "
        f"or give a folder that has it as --mirror or HF_SUITE_MIRROR (looked under {shipped.folder('demo-data')})"
    )


def test_a_login_that_is_asked_for_and_missing_is_said():
    with pytest.raises(huggingface_hub.errors.LocalTokenNotFoundError) as caught:
        huggingface_hub.utils.build_hf_headers(token=True)
    assert refusal(caught.value, "maker/bert", "model") == (
        "it asks for a login and there is none",
        "ask for access on https://huggingface.co/maker/bert, then `hf auth login`",
    )


def test_an_error_of_the_network_says_nothing_of_a_repository():
    assert refusal(ConnectionError("no route to host"), "maker/bert", "model") is None
