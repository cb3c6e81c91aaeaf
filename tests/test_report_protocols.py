"""What a table says of Results of several ways of answering: apart in rankings, signatures, the baseline's name."""

from results import COLA, result, write

from hf_suite.report.table import of_folder


def cola(score, **over):
    return result(COLA, {"validation": {"matthews_correlation": score}}, **over)


def models(folder, role="result", **asked):
    return [line.model for line in of_folder(folder, **asked).lines if line.role == role]


def test_another_way_of_answering_is_in_the_same_ranking_only_where_that_is_asked(tmp_path):
    written = {"config": {"protocol": "generation"}, "resolved": {"protocol": "generation"}}
    write(tmp_path, cola(10.0, model="a", resolved={"protocol": "head"}))
    write(tmp_path, cola(20.0, model="b", **written))
    write(tmp_path, cola(5.0, model="c", resolved={"protocol": "head"}))

    assert models(tmp_path) == ["b", "a", "c"]
    write(tmp_path, cola(7.0, model="d", **written))
    assert models(tmp_path) == ["b", "d", "a", "c"]
    assert models(tmp_path, across_protocols=True) == ["b", "a", "d", "c"]


def test_signatures_stand_below_the_table_when_they_are_asked_for(tmp_path):
    signatures = {"bleu": "nrefs:1|tok:13a", "chrf": "nrefs:1|nc:6"}
    write(tmp_path, cola(10.0, model="a", signatures=signatures))
    write(tmp_path, cola(20.0, model="b", signatures={"bleu": "nrefs:1|tok:zh", "chrf": "nrefs:1|nc:6"}))

    assert not [remark for remark in of_folder(tmp_path).remarks if "nrefs" in remark]
    assert of_folder(tmp_path, signatures=True).remarks[-3:] == (
        "cola bleu: nrefs:1|tok:13a",
        "cola chrf: nrefs:1|nc:6",
        "cola bleu: nrefs:1|tok:zh",
    )


def test_the_baseline_bears_the_name_that_its_kind_gives_it(tmp_path):
    task = COLA | {"kind": "translation", "columns": {"source": "s", "target": "t"}, "labels": None}
    write(tmp_path, result(task | {"metrics": ["bleu"], "headline": "bleu"}))

    assert models(tmp_path, "baseline") == ["copied source"]


def test_an_evaluation_bears_what_was_asked_and_not_what_its_run_settled(tmp_path):
    settled = {"max_new_tokens": 56, "eos_token_id": 1, "length_penalty": 0.9}
    said = {"length_penalty": 0.9}
    trained = {"train": {"epochs": 2}, "generation": said}
    write(tmp_path, cola(10.0, id="run", config=trained, resolved={"generation": settled}))
    asked = trained | {"generation": {**settled, "num_beams": 4}}
    again = {"id": "again", "lineage": [{"task": "cola", "id": "run", "seed": 0}]}
    write(tmp_path / "eval", cola(12.0, config=asked, resolved=asked, **again))
    alone = {"id": "alone", "model": "other", "lineage": [{"task": "cola", "id": "gone", "seed": 0}]}
    write(tmp_path / "alone", cola(11.0, config={"generation": {"max_new_tokens": 56}}, **alone))

    configs = {line.ids: line.config for line in of_folder(tmp_path).lines if line.role == "result"}

    assert configs == {
        ("again",): "generation.length_penalty=0.9 generation.num_beams=4 train.epochs=2",
        ("alone",): "generation.max_new_tokens=56",
        ("run",): "generation.length_penalty=0.9 train.epochs=2",
    }
