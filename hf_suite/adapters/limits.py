"""How long an answer may be: as said, else by the lengths of the train targets, within what the model can write."""

from collections.abc import Sequence

from hf_suite.adapters.base import Given
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError

_USUAL = 128  # tokens, where there are no train targets to go by
_STEP = 8


def target_length(config: RunConfig, given: Given, lengths: Sequence[int] | None) -> tuple[int, list[str], list[str]]:
    """The limit in tokens, the caveat where train targets exceed it, and its reason.

    `lengths` are those of the train targets; the limit is the longest of them, unless that is more than twice what 99
    of 100 need. Without them it is what the checkpoint says, or the usual one; of a decoder, whose own `max_length`
    counts the prompt too, at most half of its positions. Raises ConfigError for a limit beyond the model's positions.
    """
    said, most = config.max_target_length, given.positions
    if said is not None and most is not None and said > most:
        remedy = f"say max_target_length={most} or less"
        raise ConfigError("max_target_length", f"{said} tokens, and {given.name} can write {most}", remedy)
    if not lengths:
        apart = getattr(given.model_config, "is_encoder_decoder", False)
        own = given.generation.max_new_tokens or (given.generation.max_length if apart else None)
        room = most if apart or most is None else most // 2
        limit = said or min(own or _USUAL, room or own or _USUAL)
        why = "as said" if said else "as the checkpoint says" if own == limit else "the usual limit"
        return limit, [], [f"max_target_length: {limit}, {why}; there are no train targets to go by"]
    ordered = sorted(lengths)
    longest, usual = ordered[-1], ordered[-(-len(ordered) * 99 // 100) - 1]
    wanted = -(-min(longest, 2 * usual) // _STEP) * _STEP
    limit = said or min(wanted, most or wanted)
    cut = sum(length > limit for length in ordered)
    caveats = (
        [f"train: {cut:,} of {len(ordered):,} targets longer than max_target_length {limit} were cut"] if cut else []
    )
    facts = f"of {len(ordered):,} train targets 99 % have at most {usual} tokens, the longest has {longest}"
    return limit, caveats, [f"max_target_length: {limit}; {facts}"]
