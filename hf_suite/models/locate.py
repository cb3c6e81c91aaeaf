"""Where a checkpoint is, what stands for its content, and its config and tokenizer. Loads no weights."""

import dataclasses
import functools
import hashlib
import importlib.util
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.errors
import transformers

from hf_suite import hub
from hf_suite.basis import halves_name
from hf_suite.config import ModelConfig
from hf_suite.errors import ModelError
from hf_suite.models import peft_folder, quantised, scratch
from hf_suite.models.halves import joined

log = logging.getLogger(__name__)

_PACKAGE = "package:"
_SMALL = ["*.json", "*.txt", "*.model", "*.safetensors"]
_WEIGHTS = ("*.safetensors", "*.bin")
# These count positions from the padding token's id on, so that two of them never hold a text.
_OFFSET_POSITIONS = {
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
    "camembert",
    "mpnet",
    "longformer",
    "ibert",
    "esm",
    "luke",
    "lilt",
    "markuplm",
    "data2vec-text",
}
# These know segments, and their configs do not say how many.
_SEGMENTS_WITHOUT_SIZE = {"xlnet"}


@dataclass(frozen=True)
class Located:
    """A checkpoint found: its folder, the name it is recorded under, and what its bytes are."""

    folder: Path
    name: str
    """The hub id, `package:MODULE/PATH`, or a folder's last name: never an absolute path."""
    revision: str | None
    """The commit, for a hub id."""
    peft: Path | None = None
    """What PEFT saved elsewhere, to be merged into the checkpoint in `folder`."""
    quantize: str | None = None
    """How its weights are to be held once they are loaded; null: as they are."""
    recipe: str | None = None
    """What stands for a model from scratch in place of its bytes, most of which are drawn; null for a checkpoint."""
    halves: tuple[str, ...] = ()
    """The names of the encoder and the decoder that it was joined from."""

    @functools.cached_property
    def sha256(self) -> str:
        """sha256 over names and bytes of config, tokenizer and weights; of a model from scratch over its recipe."""
        if self.recipe is not None:
            return self.recipe
        digest = hashlib.sha256()
        names = {
            path
            for pattern in ("config.json", "tokenizer*", "vocab*", "merges.txt", "*.model", *_WEIGHTS)
            for path in self.folder.glob(pattern)
        }
        own = [self.peft / name for name in (peft_folder.CONFIG, peft_folder.WEIGHTS)] if self.peft is not None else []
        for path in [*sorted(names), *own]:
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


def locate(model: ModelConfig, mirrors: Sequence[str] = ()) -> Located:
    """Finds a checkpoint: an existing path first, then packages, mirrors, the hub. Raises ModelError."""
    quiet()
    quantised.check(model.quantize)
    return dataclasses.replace(_located(model, mirrors), quantize=model.quantize)


def _located(model: ModelConfig, mirrors: Sequence[str]) -> Located:
    if model.architecture is not None:
        folder, recipe = scratch.drafted(model)
        return Located(folder, model.id, None, recipe=recipe)
    if model.encoder is not None and model.decoder is not None:
        encoder, decoder = (locate(ModelConfig(id=word), mirrors) for word in (model.encoder, model.decoder))
        folder, names = joined(encoder.folder, decoder.folder, tie=model.tie), (encoder.name, decoder.name)
        return Located(folder, halves_name(*names, tie=model.tie), None, halves=names)
    if model.id.startswith(_PACKAGE):
        return _in_package(model.id)
    path = Path(model.id)
    if path.is_dir() and peft_folder.found(path):
        return _peft(path, model, mirrors)
    if model.base is not None:
        raise ModelError("model.base", f"{model.id} is no folder that PEFT saved", "leave model.base out")
    if path.is_dir():
        log.info("model %s: taken from the folder of that path", model.id)
        return Located(_checked(path), path.resolve().name, None)
    folders = [Path(mirror) / model.id for mirror in search_path(mirrors)]
    for folder in folders:
        if folder.is_dir():
            log.info("model %s: taken from the mirror %s", model.id, folder.parent)
            return Located(_checked(folder), model.id, None)
    return _on_hub(model, folders)


def search_path(mirrors: Sequence[str]) -> list[str]:
    """The given mirrors, then those of HF_SUITE_MIRROR."""
    return [*mirrors, *(word for word in os.environ.get("HF_SUITE_MIRROR", "").split(os.pathsep) if word)]


def load_config(located: Located) -> Any:
    """The checkpoint's transformers config. Raises ModelError."""
    try:
        config = transformers.AutoConfig.from_pretrained(located.folder)
        return config if located.peft is None else peft_folder.with_head(config, located.peft)
    except (OSError, ValueError, KeyError) as error:
        finding = f"its config.json is not read by transformers ({_first_line(error)})"
        raise ModelError(
            located.name, finding, "take a checkpoint of an architecture that this transformers knows"
        ) from error


def load_tokenizer(located: Located) -> tuple[Any, list[str]]:
    """The checkpoint's tokenizer, with a pad token, and sentences on what was settled. Raises ModelError."""
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(located.folder)
    except (OSError, ValueError, KeyError, ImportError) as error:
        if isinstance(error, ImportError) and "sentencepiece" in str(error).lower():
            finding = "its tokenizer needs sentencepiece, which is not installed"
            raise ModelError(located.name, finding, "pip install sentencepiece") from error
        finding = f"its tokenizer cannot be loaded ({_first_line(error)})"
        raise ModelError(located.name, finding, "add tokenizer.json and tokenizer_config.json to the folder") from error
    _check_vocabulary(tokenizer, located)
    segments = _settle_by_config(tokenizer, located)
    side = "left" if _ends_with_cls(tokenizer) else "right"
    moved = [] if tokenizer.padding_side == side else [f"padding: on the {side}, where no text's output depends on it"]
    notes = [*segments, *moved]
    tokenizer.padding_side = side
    if tokenizer.pad_token_id is not None:
        return tokenizer, notes
    token = tokenizer.eos_token or tokenizer.unk_token
    if token is None:
        raise ModelError(
            located.name, "no pad token, and none to stand in for it", "set pad_token in tokenizer_config.json"
        )
    tokenizer.pad_token = token
    return tokenizer, [*notes, f"pad token: {token!r}, since the tokenizer has none"]


def load_generation(located: Located, config: Any) -> Any:
    """The checkpoint's own GenerationConfig, from its file or from its config. Raises ModelError."""
    try:
        if (located.folder / "generation_config.json").is_file():
            return transformers.GenerationConfig.from_pretrained(located.folder)
        return transformers.GenerationConfig.from_model_config(config)
    except (OSError, ValueError, TypeError) as error:
        finding = f"its generation_config.json is not read by transformers ({_first_line(error)})"
        raise ModelError(located.name, finding, "mend or remove the file") from error


def positions(config: Any) -> int | None:
    """The longest text, in tokens, for which the model has positions; None where it has no limit."""
    if config.model_type == "encoder-decoder":
        limits = [limit for half in (config.encoder, config.decoder) if (limit := positions(half)) is not None]
        return min(limits, default=None)
    config = getattr(config, "text_config", config)
    limit = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if not limit or limit < 0 or config.model_type in ("t5", "mt5", "umt5", "longt5"):  # XLNet says -1 for no limit
        return None
    if config.model_type in _OFFSET_POSITIONS:
        limit -= (config.pad_token_id or 0) + 1
    return int(limit)


def quiet() -> None:
    """Stills the libraries' reports: what they find is checked here and said in our own words."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    huggingface_hub.utils.disable_progress_bars()


def _check_vocabulary(tokenizer: Any, located: Located) -> None:
    """Refuses a folder without a vocabulary: transformers makes one of the special tokens alone, and says nothing."""
    named = {"tokenizer.json", "tekken.json", *tokenizer.vocab_files_names.values()} - {"tokenizer_config.json"}
    there = any((located.folder / name).is_file() for name in named) or any(located.folder.glob("*.model"))
    if tokenizer.vocab_files_names and not there:
        finding = f"its tokenizer has no vocabulary (none of {', '.join(sorted(named))})"
        raise ModelError(located.name, finding, "add tokenizer.json and tokenizer_config.json to the folder")


def check_ids(tokenizer: Any, config: Any, place: str) -> None:
    """Refuses a tokenizer with ids that the model has no embeddings for. Raises ModelError."""
    embeddings = getattr(config.get_text_config(), "vocab_size", None)
    largest = max(tokenizer.get_vocab().values(), default=0)
    if embeddings is not None and largest >= embeddings:
        finding = f"its tokenizer has ids up to {largest:,}, and its config embeddings for {embeddings:,}"
        raise ModelError(place, finding, "take model and tokenizer of the same checkpoint")


def _settle_by_config(tokenizer: Any, located: Located) -> list[str]:
    """Checks ids and settles segments by the model's config; in a run's own folder, without one, both are settled."""
    if not (located.folder / "config.json").is_file():
        return []
    config = load_config(located)
    check_ids(tokenizer, config, located.name)
    return _settle_segments(tokenizer, config)


def _settle_segments(tokenizer: Any, config: Any) -> list[str]:
    """Gives a model that knows a pair's two texts apart what tells them apart, and no other model that.

    The tokenizers of ALBERT and XLNet could tell, and do not under transformers 5 unless they are asked.
    """
    names, size = list(tokenizer.model_input_names), getattr(config, "type_vocab_size", None)
    reads = config.model_type in _SEGMENTS_WITHOUT_SIZE or (size or 0) >= 2
    if reads and "token_type_ids" not in names and 1 in _segments(tokenizer):
        tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names = [*names, "token_type_ids"]
        return ["segments: the second text of a pair is told from the first, as the model was pretrained"]
    if size is not None and not reads and "token_type_ids" in names:
        names.remove("token_type_ids")
        tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names = names
    return []


def _segments(tokenizer: Any) -> list[int]:
    return list(tokenizer("a", "a", return_token_type_ids=True)["token_type_ids"])


def _ends_with_cls(tokenizer: Any) -> bool:
    """Whether a text ends with the CLS token (XLNet), so that its model reads the last position of all."""
    return tokenizer.cls_token_id is not None and tokenizer("a")["input_ids"][-1:] == [tokenizer.cls_token_id]


def _in_package(word: str) -> Located:
    module, _, inner = word.removeprefix(_PACKAGE).partition("/")
    if not module.partition(".")[0] or not inner:
        raise ModelError(word, "names no folder inside a package", "write package:MODULE/PATH")
    spec = importlib.util.find_spec(module.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            word, f"no package {module!r} is installed", f"pip install --no-deps {module.replace('_', '-')}"
        )
    root = Path(spec.submodule_search_locations[0], *module.split(".")[1:])
    folder = root / inner
    if not folder.is_dir() or not folder.resolve().is_relative_to(root.resolve()):
        raise ModelError(
            word, f"the package has no folder {inner!r}", f"look into {root.name} for the folder with config.json"
        )
    log.info("model %s: taken from the installed package", word)
    return Located(_checked(folder), word, None)


def _peft(folder: Path, model: ModelConfig, mirrors: Sequence[str]) -> Located:
    """A folder that PEFT saved, with its base found as any checkpoint is."""
    base = peft_folder.base_of(folder, model.base)
    try:
        located = locate(ModelConfig(id=base), mirrors)
    except ModelError as error:
        remedy = "say with model.base where its base lies"
        raise ModelError(str(folder), f"its base is not at hand ({error.place}: {error.finding})", remedy) from error
    log.info("model %s: saved by PEFT, for the base %s", model.id, located.name)
    return Located(located.folder, folder.resolve().name, None, folder)


def _on_hub(model: ModelConfig, tried: Sequence[Path]) -> Located:
    offline = huggingface_hub.constants.HF_HUB_OFFLINE
    try:
        huggingface_hub.utils.validate_repo_id(model.id)
        folder = Path(huggingface_hub.snapshot_download(model.id, revision=model.revision, allow_patterns=_SMALL))
        if not any(folder.glob("*.safetensors")):
            folder = Path(
                huggingface_hub.snapshot_download(model.id, revision=model.revision, allow_patterns=["*.bin"])
            )
    except (
        huggingface_hub.errors.HfHubHTTPError,
        huggingface_hub.errors.HFValidationError,
        OSError,
        ValueError,
    ) as error:
        closed = hub.refusal(error, model.id, "model")
        if closed is not None:
            remedy = f"{closed.way}, or give a folder or a mirror that holds it (--mirror)"
            raise ModelError(model.id, f"no such folder, and on the hub {closed.why}", remedy) from error
        places = [f"the folder {model.id}", *(f"{path}" for path in tried)]
        places.append("the hub's cache (HF_HUB_OFFLINE is set)" if offline else "the hub")
        remedy = "give a folder with config.json, a mirror that holds it (--mirror), or a hub id that can be reached"
        raise ModelError(model.id, f"no such model; looked for {', '.join(places)}", remedy) from error
    log.info("model %s: taken from the hub at commit %s", model.id, folder.name)
    return Located(_checked(folder), model.id, folder.name)


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise ModelError(
            str(folder), "has no config.json, so it is no checkpoint", "give the folder that holds config.json"
        )
    return folder


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
