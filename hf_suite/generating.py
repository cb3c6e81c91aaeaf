"""Writer: a run or a checkpoint goes on with a prompt, told as it is written, or holds a dialogue. Scores nothing."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, TextStreamer

from hf_suite import models, schema
from hf_suite.adapters import beginning, languages, sampling, settings
from hf_suite.adapters.document import DocumentAdapter
from hf_suite.adapters.generation import EncoderDecoderAdapter
from hf_suite.adapters.prompting import DecoderAdapter
from hf_suite.adapters.prompts import roles
from hf_suite.adapters.writing import stops, until_stop
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, ModelError, RunError
from hf_suite.finished import opened
from hf_suite.record import read_result
from hf_suite.resolve import device

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
_ENDS = {"user": "", "assistant": "\n"}
"""What stands after a turn where there is no chat template."""
_USUAL = 128  # tokens of an answer, where nothing is said
_TYPED = "{typed}"  # where in a wording stands what is typed


@dataclass
class Writer:
    """A model that writes, and what has been said so far."""

    model: Any
    tokenizer: Any
    settings: GenerationConfig
    seed: int
    wording: str = _TYPED
    """How a prompt is put, as the run learnt it."""
    starts: tuple[int, ...] = ()
    """Tokens before a text, where the tokenizer puts none there and the run learnt them."""
    positions: int | None = None
    turns: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0
    """Prompts so far: the noise of sampling differs from one to the next."""

    @property
    def chats(self) -> bool:
        """Whether prompts are turns of a dialogue, by the tokenizer's chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None)) and not self.translates

    @property
    def translates(self) -> bool:
        """Whether it reads a text and writes another one, an encoder-decoder, to which nothing before it matters."""
        return bool(self.model.config.is_encoder_decoder)

    def reset(self) -> None:
        """Forgets what was said; the next prompt is answered as the first one was."""
        self.turns, self.asked = [], 0

    def write(self, prompt: str, tell: Tell) -> str:
        """What follows the prompt, after all that was said before; `tell` hears it word by word. Raises ConfigError."""
        self.turns.append({"role": "user", "content": self.wording.replace(_TYPED, prompt)})
        ids = self._read()
        start = 1 if self.translates else len(ids)
        beams = (self.settings.num_beams or 1) > 1  # whose text is known at its end alone
        key = sampling.row_key(self.asked)
        with torch.inference_mode():
            found = self.model.generate(
                input_ids=torch.tensor([ids], device=self.model.device),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long, device=self.model.device),
                generation_config=sampling.greedy(self.settings),
                logits_processor=sampling.processors(
                    self.settings, [key], self.seed, start=start, margins=sampling.Margins()
                ),
                tokenizer=self.tokenizer if self.settings.stop_strings else None,
                streamer=None if beams else _Streamer(self.tokenizer, tell, self.settings),
            )
        told = languages.uncoded(found[0, start:].tolist(), self.settings.forced_bos_token_id)
        text = until_stop(str(self.tokenizer.decode(told, skip_special_tokens=True)), self.settings)
        if beams:
            tell(text)
        self.asked += 1
        self.turns = [] if self.translates else [*self.turns, {"role": "assistant", "content": text}]
        return text

    def _read(self) -> list[int]:
        """The tokens of all that was said; the oldest go where the model has no room for them. Raises ConfigError."""
        ids = self._tokens()
        room = None if self.positions is None else self.positions - (0 if self.translates else self._most())
        while room is not None and len(ids) > room and self.chats and len(self.turns) > 1:
            self.turns = self.turns[2:]
            ids = self._tokens()
        if room is None or len(ids) <= room:
            return ids
        if self.chats or self.translates or room <= len(self.starts):
            self.turns.pop()
            remedy = f"shorten it, or say generation.max_new_tokens below {self._most()}"
            raise ConfigError("prompt", f"{len(ids)} tokens, and the model has room for {max(0, room)}", remedy)
        return [*self.starts, *ids[len(ids) - room + len(self.starts) :]]

    def _most(self) -> int:
        return int(self.settings.max_new_tokens or 0)

    def _tokens(self) -> list[int]:
        if self.chats:
            text = self.tokenizer.apply_chat_template(self.turns, add_generation_prompt=True, tokenize=False)
            return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        text = "".join(turn["content"] + _ENDS[turn["role"]] for turn in self.turns)
        ids = list(self.tokenizer(text, add_special_tokens=not self.starts, verbose=False)["input_ids"])
        if not self.translates and len(ids) > 1 and ids[-1] == self.tokenizer.eos_token_id and not self.starts:
            ids.pop()
        return [*self.starts, *ids] or [beginning(self.tokenizer)]


class _Streamer(TextStreamer):
    """Hands on whole words as they come, where transformers' own prints them; no language's code, and nothing from a
    string on that stops the answer."""

    def __init__(self, tokenizer: Any, tell: Tell, settings: GenerationConfig) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.tell, self.settings, self.code = tell, settings, settings.forced_bos_token_id
        self.whole, self.told = "", 0

    def put(self, value: torch.Tensor) -> None:
        """Takes the prompt's tokens, then one at a time."""
        first = not self.next_tokens_are_prompt
        if languages.uncoded(value.tolist(), self.code):
            super().put(value)
        self.code = None if first else self.code

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Tells it, but for what may be the beginning of a string that stops the answer."""
        self.whole += text
        known = until_stop(self.whole, self.settings)
        if known == self.whole and not stream_end:
            begun = (size for stop in stops(self.settings) for size in range(len(stop)) if known.endswith(stop[:size]))
            known = known[: len(known) - max(begun, default=0)]
        if len(known) > self.told:
            self.tell(known[self.told :])
            self.told = len(known)


def of_run(run: str, over: Mapping[str, Any], *, base: str | None = None, mirrors: tuple[str, ...] = ()) -> Writer:
    """The model of a finished run. `over` may hold seed, device, precision and generation. Raises SuiteError."""
    said = _said(over)
    _check_trained(run)
    kept = {key: value for key, value in over.items() if key in ("device", "precision")}
    if "languages" in over:
        raise ConfigError("languages", "was settled when the run was trained", "take the key out")
    session = opened(run, over=kept, base=base, mirrors=mirrors)
    document = isinstance(session.adapter, DocumentAdapter)
    return _writer(
        session.model,
        session.tokenizer,
        own=session.model.generation_config if _writes(session.model, run) else None,
        before=session.config.generation,
        said=said,
        wording=_wording(session.config.prompt, run),
        starts=(beginning(session.tokenizer),) if document else (),
    )


def _check_trained(run: str) -> None:
    """Refuses a run in which nothing was trained, which kept no model. Raises RunError."""
    folder = Path(run)
    if (folder / "model").is_dir() or not (folder / "result.json").is_file():
        return
    result = read_result(folder)
    shown = f", with the shots {', '.join(map(str, result.shots))} before each question" if result.shots else ""
    remedy = f"name {result.model.get('id')} with --model; what is typed is then put as it stands"
    raise RunError(run, f"a checkpoint was scored there as it is{shown}, and none kept", remedy)


def _wording(learnt: str | None, run: str) -> str:
    """How a prompt is put, as the run learnt to be asked; as it is typed where a row is several texts."""
    names = roles(learnt or "")
    if len(names) > 1:
        log.warning("%s learnt to be asked %r; what is typed is put as it stands", run, learnt)
    return learnt.replace(f"{{{names[0]}}}", _TYPED) if learnt is not None and len(names) == 1 else _TYPED


def of_checkpoint(model: str, over: Mapping[str, Any], *, mirrors: tuple[str, ...] = ()) -> Writer:
    """A checkpoint as it is. `over` as in `of_run`, and languages, in the checkpoint's own codes. Raises SuiteError."""
    said = _said({**over, "model": {"id": model}})
    located = models.locate(said.model, mirrors)
    config = models.load_config(located)
    adapters = (EncoderDecoderAdapter, DecoderAdapter)
    cls = next((found for adapter in adapters if (found := adapter.auto_model(config)) is not None), None)
    if cls is None:
        raise _silent(located.name, type(config).__name__.removesuffix("Config"))
    tokenizer, _ = models.load_tokenizer(located)
    codes, mark = languages.spoken(tokenizer, said.languages, {}, name=located.name)
    languages.speak(tokenizer, codes)
    own, pad = models.load_generation(located, config), tokenizer.pad_token_id
    built = models.build(located, cls, settings={}, keep_head=True, lora=None, peft_task="", pad_token_id=pad)
    ready = built.model.eval().to(device(said))
    wording = _TYPED if mark is None else f"{mark} {_TYPED}"
    starts = () if tokenizer.bos_token_id is None or config.is_encoder_decoder else (beginning(tokenizer),)
    return _writer(
        ready, tokenizer, own=own, before=languages.begin(tokenizer, codes), said=said, wording=wording, starts=starts
    )


def _writer(
    model: Any,
    tokenizer: Any,
    *,
    own: Any,
    before: Mapping[str, Any],
    said: RunConfig,
    wording: str,
    starts: tuple[int, ...],
) -> Writer:
    """The writer, with its settings: what is said, then what the run settled, then the checkpoint's own."""
    if (said.generation.get("num_return_sequences") or 1) > 1:
        raise ConfigError("generation.num_return_sequences", "one text is told", "leave it out")
    chosen, _ = settings.settled(own, before, said.generation, as_it_is=True)
    if tokenizer.eos_token_id is not None:
        chosen.setdefault("eos_token_id", tokenizer.eos_token_id)
    positions = models.positions(model.config)
    most = chosen.get("max_new_tokens") or min(_USUAL, (positions or 2 * _USUAL) // 2)
    chosen = {**chosen, "max_new_tokens": most, "pad_token_id": tokenizer.pad_token_id}
    if model.config.is_encoder_decoder and chosen.get("decoder_start_token_id") is None:
        chosen["decoder_start_token_id"] = model.config.decoder_start_token_id
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    plain.generation_config = GenerationConfig(**chosen)  # whose word `generate` takes where the settings say nothing
    return Writer(model, tokenizer, plain.generation_config, said.seed, wording, starts, positions)


def _said(over: Mapping[str, Any]) -> RunConfig:
    """What is said, checked as the config of a run is. Raises ConfigError."""
    for key in over:
        if key not in ("seed", "device", "precision", "generation", "languages", "model", "mirror"):
            remedy = "say seed, device, precision, languages.KEY or generation.KEY"
            raise ConfigError(key, "means nothing to generate", remedy)
    return schema.build(RunConfig, {"task": "generate", "model": {"id": "run"}, **over}, "command line")


def _writes(model: Any, place: str) -> bool:
    """True. Raises ModelError where the model cannot write."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not plain.can_generate():
        raise _silent(place, type(plain).__name__)
    return True


def _silent(place: str, name: str) -> ModelError:
    remedy = "take a decoder or an encoder-decoder, or a run of one; hf-suite predict tells the labels of others"
    return ModelError(place, f"{name} writes no text", remedy)
