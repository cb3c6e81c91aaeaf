"""Prompts: rows put as questions to a decoder, answered rows before them where there are shots. Reads no answer."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset

from hf_suite.adapters.base import Given
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS, Row
from hf_suite.kinds.base import prompt
from hf_suite.spec import TaskSpec

APART = "\n\n"
"""What parts a shot from what follows it, where no chat template does."""
_ROUNDS = 8  # of cutting a text until its prompt fits; each leaves at most what tokens joined anew
_ROLE = re.compile(r"\{(\w+)\}")
LEAST = 8
"""Tokens that are left for a prompt, as RunConfig.max_length has it."""


@dataclass(frozen=True)
class Prompts:
    """Each row as the wording puts it, after the shots with their answers; turns where a chat template knows turns."""

    tokenizer: Any
    wording: str
    shots: Sequence[tuple[Row, str]]
    """Rows with their answers in words."""

    def text(self, row: Row) -> str:
        """What a decoder is to go on from."""
        asked = prompt(row, self.wording)
        if not chats(self.tokenizer):
            shown = [self.joined(prompt(shot, self.wording), answer) for shot, answer in self.shots]
            return APART.join([*shown, asked])
        turns = []
        for shot, answer in self.shots:
            turns.append({"role": "user", "content": prompt(shot, self.wording)})
            turns.append({"role": "assistant", "content": answer})
        turns.append({"role": "user", "content": asked})
        return str(self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))

    def ids(self, text: str) -> list[int]:
        """A prompt's tokens; a chat template has written the special ones itself, and no end stands at its end."""
        own = not chats(self.tokenizer)
        ids = list(self.tokenizer(text, add_special_tokens=own, verbose=False)["input_ids"])
        while len(ids) > 1 and ids[-1] == self.tokenizer.eos_token_id and own:
            ids.pop()
        return ids or [self.tokenizer.eos_token_id]

    def answer_ids(self, text: str, answer: str) -> list[int]:
        """The answer's tokens as they follow the prompt."""
        before, whole = self.ids(text), self.ids(self.joined(text, answer))
        if whole[: len(before)] == before and len(whole) > len(before):
            return whole[len(before) :]
        return list(self.tokenizer(answer, add_special_tokens=False, verbose=False)["input_ids"])

    def joined(self, text: str, answer: str) -> str:
        """Prompt and answer, a space between them where the prompt ends with none."""
        gap = "" if chats(self.tokenizer) or text[-1:].isspace() else " "
        return f"{text}{gap}{answer}"

    def fitted(self, rows: Dataset, max_length: int) -> tuple[list[tuple[str, list[int]]], int]:
        """Each row's prompt as text and tokens, cut to max_length, and how many were longer."""
        found, cut = [], 0
        for row in rows:
            text = self.text(row)
            ids = self.ids(text)
            if len(ids) > max_length:
                cut += 1
                text, ids = self._shortened(row, ids, max_length)
            found.append((text, ids))
        return found, cut

    def bare(self) -> str:
        """The prompt of a row without texts."""
        return self.text(dict.fromkeys(roles(self.wording), ""))

    def last_line(self) -> str:
        """The wording's last line without texts or shots: what asks for an answer to nothing in particular."""
        line = _ROLE.sub("", self.wording.rstrip().rpartition("\n")[2])
        return dataclasses.replace(self, wording=line, shots=()).text({})

    def _shortened(self, row: Row, ids: list[int], max_length: int) -> tuple[str, list[int]]:
        """The prompt with its longest text cut so that it fits; from its own end where no text is left to cut."""
        row = dict(row)
        read = [name for name in roles(self.wording) if isinstance(row.get(name), str)]
        text = self.text(row)
        for _ in range(_ROUNDS if read else 0):
            role = max(read, key=lambda name: len(row[name]))
            tokens = self.tokenizer(row[role], add_special_tokens=False, verbose=False)["input_ids"]
            kept = max(0, len(tokens) - (len(ids) - max_length))
            row[role] = self.tokenizer.decode(tokens[:kept], skip_special_tokens=True)
            text = self.text(row)
            ids = self.ids(text)
            if len(ids) <= max_length:
                return text, ids
        return text, ids[-max_length:]


def roles(wording: str) -> list[str]:
    """The names in braces, each once."""
    return list(dict.fromkeys(_ROLE.findall(wording)))


def prompts(spec: TaskSpec, wording: str, tokenizer: Any, shots: Sequence[Row]) -> Prompts:
    """The prompts of a task; a shot's answer is its reference as the kind writes it."""
    kind = KINDS[spec.kind]
    return Prompts(tokenizer, wording, [(row, kind.written(kind.reference(row, spec), spec)) for row in shots])


def chats(tokenizer: Any) -> bool:
    """Whether the tokenizer knows turns."""
    return bool(getattr(tokenizer, "chat_template", None))


def settled(spec: TaskSpec, config: RunConfig, given: Given, *, answer: int) -> tuple[dict[str, Any], list[str]]:
    """Keys of the config on the prompt, beside an answer of so many tokens, and why. Raises ConfigError."""
    if config.languages:
        raise ConfigError("languages", f"{given.name}'s tokenizer knows none", "take the key out")
    asked = prompts(spec, config.prompt or KINDS[spec.kind].wording(spec), given.tokenizer, given.shots)
    notes = ["prompt: put as a user's turn, by the tokenizer's chat template"] if chats(given.tokenizer) else []
    if given.shots:
        listed = ", ".join(str(row["row"]) for row in given.shots)
        notes.append(f"shots: train rows {listed} stand with their answers before each question")
    length, why = _length(config, given, asked, answer)
    return {"prompt": asked.wording, "max_length": length}, [*notes, *why]


def _length(config: RunConfig, given: Given, asked: Prompts, answer: int) -> tuple[int, list[str]]:
    """Tokens for the prompt beside an answer of that limit. Raises ConfigError where what is said leaves no room."""
    length, most = given.max_length, given.positions
    if asked.shots and config.max_length is None:
        length += _beside(asked)
    notes = []
    if most is not None and length + answer > most:
        if config.max_length is not None:
            finding = f"{length} tokens and {answer} for the answer, and {given.name} has positions for {most}"
            raise ConfigError("max_length", finding, f"say max_length={most - answer} or less")
        length = most - answer
        notes = [f"max_length: {length}, which leaves the answer its {answer} of {most} positions"]
    _check_shots(config, given, asked, length)
    return length, notes


def _check_shots(config: RunConfig, given: Given, asked: Prompts, length: int) -> None:
    """Refuses shots that leave no room for a row. Raises ConfigError."""
    if not asked.shots or _beside(asked) + LEAST <= length:
        return
    fewer = [many for many in range(len(asked.shots)) if _beside(_first(asked, many)) + LEAST <= length]
    remedy = f"say shots={fewer[-1]} or less" if fewer and fewer[-1] else "leave shots out"
    remedy += ", or say a larger max_length" if config.max_length is not None else ""
    finding = (
        f"{len(asked.shots)} rows with their answers take {_beside(asked)} tokens, and {given.name} reads {length}"
    )
    raise ConfigError("shots", finding, remedy)


def _beside(asked: Prompts) -> int:
    """Tokens of a prompt beside the row's own texts."""
    return len(asked.ids(asked.bare()))


def _first(asked: Prompts, many: int) -> Prompts:
    return dataclasses.replace(asked, shots=asked.shots[:many])
