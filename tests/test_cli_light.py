"""The command line without torch: what each command prints, and how it refuses."""

import csv
import io
import json
import shlex
import subprocess
import sys

import pytest
import yaml
from results import COLA, STSB, result, write

import hf_suite
from hf_suite import cli, spec
from hf_suite.config import RunConfig

HEAVY = {"torch", "transformers", "datasets", "peft", "accelerate", "evaluate", "sklearn", "scipy", "pyarrow"}
LIGHT = ("results", "tasks", "config")


@pytest.fixture
def said(capsys, monkeypatch):
    """Runs one command line: exit code, stdout, stderr."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else():
    assert loaded_by("import hf_suite") & (HEAVY | {"pydantic", "yaml", "numpy", "typer", "rich"}) == set()


def test_importing_the_command_line_loads_nothing_heavy():
    assert loaded_by("import hf_suite.cli") & HEAVY == set()


def test_a_public_name_is_the_same_each_time():
    from hf_suite.config import RunConfig as RunConfigAtHome

    assert hf_suite.RunConfig is RunConfigAtHome
    assert hf_suite.RunConfig is RunConfigAtHome
    assert set(hf_suite.__all__) <= set(dir(hf_suite))


def test_a_name_that_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError) as e:
        _ = hf_suite.trian

    assert str(e.value) == "module 'hf_suite' has no attribute 'trian'"


def test_the_version_is_printed(said):
    assert said("--version") == (0, f"{hf_suite.__version__}\n", "")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_ends_with_an_example_of_its_own_command(said, name):
    code, out, _ = said(name, "--help")

    assert code == 0
    assert out.rstrip().splitlines()[-1].strip() == f"Example: {cli.COMMANDS[name][1]}"
    assert shlex.split(cli.COMMANDS[name][1])[:2] == ["hf-suite", name]


@pytest.mark.parametrize("name", [*LIGHT, "models"])
def test_the_example_of_a_light_command_runs(said, name, tmp_path, monkeypatch):
    write(tmp_path / "runs", result(COLA))
    monkeypatch.chdir(tmp_path)

    code, out, err = said(*shlex.split(cli.COMMANDS[name][1])[1:])

    after = {"tasks": "next: hf-suite train --task mrpc --model DIR -o runs/mrpc\n"}
    assert (code, err) == (0, after.get(name, ""))
    assert out


@pytest.mark.parametrize("words", [["taks"], ["tasks", "--jsn"], ["results"], ["results", "x", "--format", "pdf"]])
def test_a_command_line_that_is_no_command_exits_2(said, words):
    code, out, err = said(*words)

    assert (code, out) == (2, "")
    assert err.startswith("Usage: hf-suite")


def test_an_error_of_the_user_is_one_line_on_stderr_and_exits_2(said, tmp_path):
    assert said("results", tmp_path) == (
        2,
        "",
        f"hf-suite: {tmp_path}: holds no run; give the folder of a run or of a bench\n",
    )


# tasks


def test_all_tasks_are_listed(said):
    code, out, _ = said("tasks")

    assert code == 0
    assert [name for name in spec.names() if name not in out] == []


def test_all_tasks_are_listed_as_json(said):
    _, out, _ = said("tasks", "--json")

    assert sorted(task["name"] for task in json.loads(out)) == sorted(spec.names())


def test_a_task_is_shown_as_yaml_with_its_published_numbers_below(said, tmp_path):
    number = {"model": "roberta", "metric": "accuracy", "score": 95.1, "setting": "dev", "url": "https://a.b"}
    facts = {**COLA, "name": "mine", "headline": "accuracy", "metrics": ["accuracy"], "published": [number]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(facts))

    _, out, err = said("tasks", tmp_path / "mine.yaml")

    shown, _, published = out.partition("# unpinned: no commit of the data is fixed\n")
    assert yaml.safe_load(shown)["labels"] == ["unacceptable", "acceptable"]
    assert [word for word in ("roberta", "accuracy", "95.1", "dev", "https://a.b") if word not in published] == []
    assert err == f"next: hf-suite train --task {tmp_path / 'mine.yaml'} --model DIR -o runs/mine\n"


def test_a_task_is_shown_as_json(said):
    _, out, _ = said("tasks", "sst2", "--json")

    assert json.loads(out)["labels"] == ["negative", "positive"]


def test_an_unknown_task_is_refused_with_the_nearest(said):
    code, _, err = said("tasks", "sst3")

    assert code == 2
    assert err == (f"hf-suite: sst3: no task of that name; did you mean 'sst2'? there are: {', '.join(spec.names())}\n")


# config


def defaults():
    return RunConfig(task="TASK", model="MODEL").model_dump(mode="json")


def test_the_default_config_is_yaml_with_every_key_and_its_meaning(said):
    _, out, _ = said("config")

    assert yaml.safe_load(out) == defaults()
    assert "# The one source of chance: head, dropout, order of rows.\nseed: 0\n" in out
    assert "  # Columns of each small matrix.\n  rank: 8\n" in out


def test_a_part_that_is_null_by_default_shows_its_keys_as_comments(said):
    _, out, _ = said("config")

    assert "tune: null\n#   # Share of the train rows.\n#   share: 0.1\n" in out


def test_the_config_of_a_file_with_keys_laid_upon_it_is_complete(said, tmp_path):
    (tmp_path / "run.yaml").write_text("task: sst2\ntrain: {epochs: 7}\n")

    _, out, _ = said("config", tmp_path / "run.yaml", "train.batch_size=8", "--json")

    shown = json.loads(out)
    assert (shown["task"], shown["train"]["epochs"], shown["train"]["batch_size"]) == ({"name": "sst2"}, 7, 8)
    assert shown.keys() == defaults().keys()


def test_diff_prints_only_what_differs_from_the_defaults(said, tmp_path):
    text = "task: sst2\nmodel: minilm\nseed: 0\nlora: null\ntune: {share: 0.1}\ntrain: {epochs: 3, batch_size: 8}\n"
    (tmp_path / "run.yaml").write_text(text)

    _, out, _ = said("config", "--diff", tmp_path / "run.yaml")

    assert out == "task: sst2\nmodel: minilm\nlora: null\ntune: {}\ntrain:\n  batch_size: 8\n"


def test_diff_of_a_finished_run_is_that_of_its_result(said, tmp_path):
    folder = write(tmp_path, result(COLA, seed=3, config={"train": {"epochs": 9}}))

    _, out, _ = said("config", "--diff", folder)

    assert out == "task: cola\nmodel: minilm\nseed: 3\ntrain:\n  epochs: 9\n"


def test_diff_of_a_begun_run_is_that_of_its_run_yaml(said, tmp_path):
    (tmp_path / "run.yaml").write_text("task: {name: cola}\nmodel: {id: minilm}\nlimit: 100\n")

    assert said("config", "--diff", tmp_path) == (0, "task: cola\nmodel: minilm\nlimit: 100\n", "")


def test_diff_of_nothing_says_so(said):
    assert said("config", "--diff") == (0, "# the defaults\n", "")


def test_a_folder_that_is_no_run_has_no_config(said, tmp_path):
    code, _, err = said("config", tmp_path)

    assert code == 2
    assert err == (
        f"hf-suite: {tmp_path}: holds neither result.json nor run.yaml; give a run folder, a file or a config's name\n"
    )


def test_two_configs_are_refused(said, tmp_path):
    (tmp_path / "run.yaml").write_text("task: cola\n")

    code, _, err = said("config", "lora-small", tmp_path)

    assert (code, err) == (2, f"hf-suite: {tmp_path}: a second config beside lora-small; keep one of them\n")


def test_an_unknown_key_is_refused_with_the_nearest(said):
    assert said("config", "sed=3") == (2, "", "hf-suite: command line: unknown key 'sed'; did you mean 'seed'?\n")


# results


@pytest.fixture
def bench(tmp_path):
    write(tmp_path / "runs", result(COLA, {"validation": {"matthews_correlation": 22.13}}))
    write(tmp_path / "runs", result(STSB, {"validation": {"pearson": 84.0, "spearmanr": None}}))
    return tmp_path / "runs"


def test_results_are_a_table_that_a_pipe_does_not_narrow(said, bench):
    code, out, _ = said("results", bench)

    assert code == 0
    assert [line.split()[:4] for line in out.splitlines() if "22.13" in line] == [
        ["cola", "minilm", "1", "matthews_correlation"]
    ]
    assert "spearmanr undefined" in out


def test_results_come_as_markdown_csv_and_json(said, bench):
    _, as_markdown, _ = said("results", bench, "--format", "markdown")
    _, as_csv, _ = said("results", bench, "--format", "csv")
    _, as_json, _ = said("results", bench, "--json")

    assert "| cola | minilm | 1 | matthews_correlation | 22.13 |" in as_markdown
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [row["value"] for row in rows if row["task"] == "cola" and row["role"] == "result"] == ["22.13"]
    assert [line["task"] for line in json.loads(as_json)[0]["lines"]] == ["cola", "cola", "stsb", "stsb"]


def test_results_are_written_between_the_marks_of_a_page(said, bench, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("# Mine\n<!-- results -->\n<!-- /results -->\nThe end.\n")

    assert said("results", bench, "--cost", "--write", page) == (0, "", "")

    first, *_, last = page.read_text().splitlines()
    assert (first, last) == ("# Mine", "The end.")
    assert "| finetune s | parameters | trainable |" in page.read_text()
