"""The checkpoint that is taken where none is named can do what the rows ask."""

import pytest

from hf_suite import first_model, own
from hf_suite.config import DataConfig


@pytest.mark.parametrize(
    ("header", "row", "kind", "model"),
    [
        (("english", "german"), "the {0} film,der {0}. Film", "translation", "google-t5/t5-small"),
        (("english", "polish"), "the {0} film,film {0}", "translation", "google/mt5-small"),
        (("prompt", "completion"), "what is the {0}th of them?,it is a film", "text2text", "google-t5/t5-small"),
        (("prompt", "completion"), "wer ist der {0}. davon?,ein Film", "text2text", "google/mt5-small"),
    ],
)
def test_what_writes_is_finetuned_from_a_checkpoint_that_can(tmp_path, header, row, kind, model):
    file = tmp_path / "texts.csv"
    file.write_text("\n".join([",".join(header), *(row.format(at) for at in range(20))]) + "\n")

    found = own.look(DataConfig(train=str(file)), {})

    assert (found.task["kind"], *first_model.first_model(found)) == (
        *(kind, model, "a small checkpoint of the hub that writes"),
    )
