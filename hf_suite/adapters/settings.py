"""Generation settings: what of transformers' GenerationConfig may be said, what contradicts, whose word counts."""

from collections.abc import Mapping
from typing import Any

import torch
from transformers import GenerationConfig, GenerationMixin, GPT2Config

from hf_suite import schema
from hf_suite.adapters import sampling
from hf_suite.adapters.sampling import SAMPLING
from hf_suite.errors import ConfigError

_BEAMS = ("early_stopping", "length_penalty")
_TOKENS = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
)
"""Fields that say what a checkpoint's tokens are; all others are habits of whoever published it."""
_COUNTS = {
    "num_beams": 1,
    "num_return_sequences": 1,
    "min_new_tokens": 0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
}
"""Fields that are whole numbers, and the least of each."""
_FRACTIONS = {*SAMPLING, "repetition_penalty", "encoder_repetition_penalty"} - {"top_k"}
"""Fields of which transformers refuses a number without a point."""
_NOT_OFFERED = {
    "max_length": "counts the prompt too; say generation.max_new_tokens",
    "min_length": "counts the prompt too; say generation.min_new_tokens",
    "max_time": "answers would depend on the machine; say generation.max_new_tokens",
    "num_beam_groups": "transformers 5 has it no more; say generation.num_beams",
    "diversity_penalty": "transformers 5 has it no more; say generation.num_beams",
    "penalty_alpha": "transformers 5 has it no more; say generation.do_sample=true",
    "dola_layers": "transformers 5 has it no more; say generation.num_beams",
    "constraints": "transformers 5 has it no more; say generation.num_beams",
    "force_words_ids": "transformers 5 has it no more; say generation.num_beams",
    "low_memory": "transformers 5 has it no more; say generation.num_beams",
    "prompt_lookup_num_tokens": "is for one row at a time, and many are answered; take it out",
    "assistant_early_exit": "is for one row at a time, and many are answered; take it out",
    "token_healing": "writes the prompt's end anew; take it out",
    "return_dict_in_generate": "is the suite's own affair; take it out",
    "output_scores": "is the suite's own affair; take it out",
    "output_logits": "is the suite's own affair; take it out",
    "output_attentions": "is the suite's own affair; take it out",
    "output_hidden_states": "is the suite's own affair; take it out",
}


def check(given: Mapping[str, Any]) -> None:
    """Refuses fields that GenerationConfig lacks, values that they cannot have, contradictions. Raises ConfigError."""
    known = sorted(name for name in vars(GenerationConfig()) if not name.startswith("_"))
    for name in given:
        if name in _NOT_OFFERED:
            finding, _, remedy = _NOT_OFFERED[name].partition("; ")
            raise ConfigError(f"generation.{name}", finding, remedy)
        if name not in known or name == "transformers_version":
            hint = schema.nearest(name, known).strip() or "see transformers' GenerationConfig"
            raise ConfigError("generation", f"GenerationConfig has no field {name!r}", hint)
    _check_values(given)
    beams, samples = given.get("num_beams") or 1, bool(given.get("do_sample"))
    _check_search(given, beams, samples)
    _check_sequences(given.get("num_return_sequences") or 1, beams, samples)
    try:
        GenerationConfig(**given).validate(strict=True)
        _rehearse(GenerationConfig(**_pointed(given)))
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        line = " ".join(str(error).replace("GenerationConfig is invalid: ", "").split())[:200]
        raise ConfigError("generation", f"transformers refuses it ({line})", "see its GenerationConfig") from error


def _check_values(given: Mapping[str, Any]) -> None:
    """Refuses counts, tokens and texts that are none, of which transformers says nothing before it writes."""
    for name, least in _COUNTS.items():
        value = given.get(name)
        if value is not None and (type(value) is not int or value < least):
            raise ConfigError(f"generation.{name}", f"{value!r}", f"say a whole number from {least} on")
    for name in (name for name in _TOKENS if name.endswith("_token_id")):
        value = given.get(name)
        if value is not None and not all(type(one) is int for one in (value if isinstance(value, list) else [value])):
            raise ConfigError(f"generation.{name}", f"{value!r}", "say the token's id, a whole number")
    heat = given.get("temperature")
    if isinstance(heat, (int, float)) and heat <= 0:
        remedy = "say more than 0; without generation.do_sample the most probable tokens are taken"
        raise ConfigError("generation.temperature", f"{heat}", remedy)
    stops = given.get("stop_strings")
    listed = [stops] if isinstance(stops, str) else stops
    if stops is not None and not (listed and all(isinstance(stop, str) and stop for stop in listed)):
        raise ConfigError("generation.stop_strings", f"{stops!r}", "say a text or a list of texts, none empty")


def check_tokens(chosen: Mapping[str, Any], model_config: Any, name: str) -> None:
    """Refuses the id of a token that the model has no embedding for. Raises ConfigError."""
    size = getattr(model_config.get_text_config(), "vocab_size", None)
    for field in (field for field in _TOKENS if field.endswith("_token_id")):
        value = chosen.get(field)
        largest = max(value if isinstance(value, list) else [value or 0], default=0)
        if size is not None and largest >= size:
            finding = f"{largest:,}, and {name} has {size:,} tokens"
            raise ConfigError(f"generation.{field}", finding, f"say one from 0 to {size - 1:,}")


def _rehearse(config: GenerationConfig) -> None:
    """Builds what writing will build, so that transformers refuses a value now and not after a training."""
    config._eos_token_tensor = torch.tensor([0])
    some = GenerationMixin()
    some.config = GPT2Config()
    some._get_logits_processor(
        config,
        input_ids_seq_length=1,
        encoder_input_ids=torch.zeros(1, 1, dtype=torch.long),
        device="cpu",
        logits_processor=sampling.processors(config, [0], 0, start=1, margins=sampling.Margins()),
    )


def _pointed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with 2.0 for 2 where a fraction may stand."""
    return {name: float(value) if name in _FRACTIONS and type(value) is int else value for name, value in given.items()}


def _check_search(given: Mapping[str, Any], beams: int, samples: bool) -> None:
    """Refuses what only another search reads, and two searches at once."""
    if samples and beams > 1:
        finding = f"{beams}, and do_sample is true"
        raise ConfigError("generation.num_beams", finding, "keep one of the two")
    for name in SAMPLING:
        if given.get(name) is not None and not samples:
            finding = f"{given[name]}, and nothing is sampled"
            raise ConfigError(f"generation.{name}", finding, "say generation.do_sample=true too, or take it out")
    for name in _BEAMS:
        if given.get(name) is not None and beams == 1:
            finding = f"{given[name]}, and there is one beam"
            raise ConfigError(f"generation.{name}", finding, "say generation.num_beams=4 too, or take it out")


def _check_sequences(wanted: int, beams: int, samples: bool) -> None:
    if wanted > max(beams, 1) and not samples:
        finding = f"{wanted}, and the search finds {beams}"
        remedy = f"say generation.num_beams={wanted} or generation.do_sample=true"
        raise ConfigError("generation.num_return_sequences", finding, remedy)


def settled(
    own: GenerationConfig, task: Mapping[str, Any], given: Mapping[str, Any], *, as_it_is: bool
) -> tuple[dict[str, Any], list[str]]:
    """The settings that count, and sentences on where they come from. Raises ConfigError.

    The run's word goes before the task's, and the task's before the checkpoint's own. Of those, a checkpoint that is
    finetuned keeps what its tokens are and no habit; one that answers as it is keeps its habits but for sampling.
    """
    said = {**task, **given}
    habits = _habits(own, sampled=bool(said.get("do_sample"))) if as_it_is else {}
    chosen = {name: value for name, value in {**habits, **said}.items() if value is not None}
    if "num_beams" in given and (given["num_beams"] or 1) == 1:  # beams are off: what the others say of them is idle
        chosen = {name: value for name, value in chosen.items() if name not in _BEAMS or name in given}
    check(chosen)
    chosen = _pointed(chosen)
    kept = {name: value for name, value in habits.items() if name in chosen and name not in said}
    notes = [f"generation: {listed(kept)}, as the checkpoint says"] if kept else []
    if as_it_is and own.do_sample and not said.get("do_sample"):
        notes.append("generation: the checkpoint samples by habit; the most probable tokens are taken instead")
    if chosen.get("do_sample"):
        chosen = {"temperature": 1.0, "top_k": 50, "top_p": 1.0, **chosen}
        notes.append(f"generation: sampled, {listed({name: chosen[name] for name in SAMPLING if name in chosen})}")
    tokens = {name: getattr(own, name) for name in _TOKENS if getattr(own, name, None) is not None}
    return {**tokens, **chosen}, notes


def _habits(own: GenerationConfig, *, sampled: bool) -> dict[str, Any]:
    """What a checkpoint says of how it writes; how it samples only where that is asked for."""
    left_out = {*_TOKENS, *_NOT_OFFERED, "do_sample", "transformers_version", "use_cache", "max_new_tokens"}
    if not sampled:
        left_out |= set(SAMPLING)
    said = {
        name: value
        for name, value in own.to_diff_dict().items()
        if name not in left_out and not name.startswith("_") and value is not None
    }
    if (said.get("num_beams") or 1) == 1 or sampled:
        said = {name: value for name, value in said.items() if name not in (*_BEAMS, "num_beams")}
    if own.min_length and own.decoder_start_token_id is not None:
        said["min_new_tokens"] = own.min_length - 1  # of an encoder-decoder it counts the token that begins
    return said


def listed(settings: Mapping[str, Any]) -> str:
    """`num_beams=4, early_stopping=True`."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
