"""`hf-suite env`: what a bug report holds, that no secret is in it, and what the tiny run says."""

import json

import huggingface_hub
import torch
from command import said

from hf_suite import cli, environment

SECRET = "hf_" + "q" * 34


def test_no_secret_and_no_user_name_is_shown(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("HOME", str(tmp_path / "alice"))
    monkeypatch.setenv("HF_SUITE_MIRROR", f"{tmp_path}/alice/mirror:/elsewhere")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"https://alice:{SECRET}@hub.example/path")
    for words in (["env"], ["env", "--json"]):
        code, out, err = said(capsys, *words)
        assert (code, err) == (0, "")
        assert SECRET not in out
        assert "alice" not in out
        assert "https://hub.example/path" in out
        assert "~/mirror:/elsewhere" in out


def test_a_report_names_versions_processor_and_switches(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = environment.facts()
    assert found["versions"]["torch"] == torch.__version__
    assert found["switches"]["HF_HUB_OFFLINE"] == "1"
    assert found["processor"]["threads"] == torch.get_num_threads()
    assert list(found) == [
        "hf-suite", "python", "system", "versions", "cuda", "processor", "gpus", "places", "switches",
    ]  # fmt: skip


def test_a_smoke_run_says_what_it_does_and_that_it_worked(capsys):
    code, out, _ = said(capsys, "env", "--smoke")
    *stages, last = [line for line in out.splitlines() if line.startswith("smoke: ")]
    assert code == 0
    assert stages == [
        "smoke: make a tiny BERT",
        "smoke: finetune it by LoRA for three steps, save it, load it again and score it",
        "smoke: answer with the saved model",
    ]
    assert last.startswith("smoke: ok, in ")


def test_a_smoke_run_that_fails_says_where_and_exits_1(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "_TINY", {**environment._TINY, "max_position_embeddings": 16})
    code, out, err = said(capsys, "env", "--smoke")
    assert (code, out.splitlines()[-1]) == (
        1,
        "smoke: finetune it by LoRA for three steps, save it, load it again and score it",
    )
    assert err.splitlines()[-1].startswith("smoke: failed to finetune it by LoRA for three steps")
    assert err.splitlines()[-1].endswith("; say max_length=16 or less")


def test_json_stays_json_with_a_smoke_run(capsys):
    code, out, err = said(capsys, "env", "--json", "--smoke")
    assert (code, json.loads(out)["python"][:2]) == (0, "3.")
    assert "smoke: ok, in " in err
    assert "env" in cli.COMMANDS
