"""How a run is done: RunConfig and its parts, and SuiteConfig. Each default stands here, in `basis` or in `recipe`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from hf_suite import files, schema, shipped
from hf_suite.basis import ModelConfig as ModelConfig
from hf_suite.methods import METHODS, REFUSED
from hf_suite.recipe import TrainConfig as TrainConfig
from hf_suite.schema import Record


def _named(key: str) -> BeforeValidator:
    """A string is short for a mapping with that one key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _method(name: str) -> str:
    if name in REFUSED:
        raise ValueError(f"{name} is not offered: {REFUSED[name]}; take one of: {', '.join(METHODS)}")
    if name not in METHODS:
        hint = schema.nearest(name, METHODS)
        raise ValueError(f"no method {name!r}; {hint}there are: {', '.join(METHODS)}")
    return name


class LoraConfig(Record):
    """Low-rank adaptation, or another PEFT method: few weights beside frozen ones."""

    method: Annotated[str, AfterValidator(_method)] = "lora"
    """The PEFT method: lora, dora, pissa, ia3, ... (an unknown one lists them); a key it has no use for is refused."""
    rank: int | None = Field(8, ge=1)
    """Columns of each small matrix."""
    alpha: float | None = 16.0
    """The update is scaled by alpha / rank."""
    dropout: float | None = Field(0.05, ge=0, lt=1)
    """Share of inputs to the small matrices that are dropped in training."""
    loraplus_ratio: float | None = Field(None, gt=0)
    """LoRA+ (arXiv 2402.12354): the second matrices are trained at this many times the rate; null: at the rate."""
    targets: tuple[str, ...] | None = None
    """Names of the layers to adapt (their last parts); null: the query and value, or what the method has."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the method's config class in PEFT, under PEFT's names."""

    @field_validator("rank", "alpha", "dropout", "loraplus_ratio")
    @classmethod
    def _used(cls, value: float | None, info: ValidationInfo) -> float | None:
        """What is said must mean something: called only for keys that are said."""
        method = info.data.get("method")
        if method is None:  # refused by its own validator
            return value
        has = getattr(METHODS[method], str(info.field_name)) is not None
        if value is not None and not has:
            raise ValueError(f"{method} has no {info.field_name}; leave it out, or say null")
        if value is None and has and cls.model_fields[str(info.field_name)].default is not None:
            raise ValueError(f"null, and {method} needs it; leave it out for the default")
        return value

    @field_validator("targets")
    @classmethod
    def _adapts(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        method = info.data.get("method")
        if value is not None and method is not None and METHODS[method].layers is None:
            raise ValueError(f"{method} adapts no layers; leave it out")
        return value

    @property
    def tokens(self) -> int:
        """Vectors of its own that the method puts before the text."""
        return int(self.options.get("num_virtual_tokens", METHODS[self.method].fixed.get("num_virtual_tokens", 0)))

    def used(self) -> "LoraConfig":
        """The same with null in place of each default that the method has no use for."""
        method = METHODS[self.method]
        unused = [name for name in ("rank", "alpha", "dropout") if getattr(method, name) is None]
        return self.model_copy(update=dict.fromkeys(unused))


class TuneConfig(Record):
    """A part of the train rows that is never trained on and never reported: it chooses epochs and thresholds."""

    share: float = Field(0.1, gt=0, lt=1)
    """Share of the train rows."""
    group: str | None = None
    """A column of the data; rows that share its value stay on one side."""
    together: bool = False
    """Whether rows with equal texts stay on one side."""
    stratify: bool = False
    """Whether each label has its share on both sides."""


class SplitConfig(Record):
    """Cuts the rows of one split anew into train, tune and eval."""

    of: str | None = None
    """The split that is cut; null, for rows of your own alone, is all of them."""
    shares: dict[Literal["train", "tune", "eval"], float] = Field(default_factory=dict)
    """Share of the rows (of the groups' rows, when grouped) for each part, at most 1 in all; with folds only tune's."""
    group: str | None = None
    """A column of the data; rows that share its value never straddle two parts."""
    together: bool = False
    """Whether rows with equal texts never straddle two parts."""
    stratify: bool = False
    """Whether each label has its share in every part."""
    time: str | None = None
    """A column of dates or numbers: train takes the earliest rows, eval the latest."""
    folds: int | None = Field(None, ge=2)
    """Deals the rows into so many parts, of which one is eval and the others train; a bench runs each in turn."""
    fold: int | None = Field(None, ge=0)
    """Which of the folds is eval, from 0."""
    seed: int = 0
    """Which of the possible cuts."""


def _data(value: Any) -> Any:
    """Anything but a mapping is short for the rows to learn from."""
    return value if value is None or isinstance(value, Mapping | DataConfig) else {"train": value}


def _kept(value: Any) -> Any:
    """Rows that Python holds as the file that they are kept in. Raises DataError where they are none."""
    return value if value is None or isinstance(value, str) else str(files.kept(value))


Rows = Annotated[str, BeforeValidator(_kept)]


class DataConfig(Record):
    """Rows of your own: a file, folder, pattern or URL for each part; in Python also a DataFrame, Dataset or list."""

    train: Rows
    """Rows to learn from; alone, they are split. A folder with files named train, validation and test is all three."""
    eval: Rows | None = None
    """Rows to score; null takes those of the folder, else some of train."""
    test: Rows | None = None
    """Further rows to score, where they have labels."""


class RunConfig(Record):
    """One run: a task, a model, and how."""

    task: Annotated[dict[str, Any], _named("name")] = Field(default_factory=dict)
    """A shipped task's name or a task file's path; as a mapping, `name` and the fields that differ from the file."""
    model: Annotated[ModelConfig, _named("id")]
    data: Annotated[DataConfig | None, BeforeValidator(_data)] = None
    """Rows of your own; the task, where none is named, is guessed from them. Null takes the task's rows."""
    seed: int = Field(0, ge=0)
    """The one source of chance: head, dropout, order of rows."""
    limit: int | None = Field(None, ge=1)
    """At most this many train rows: the first of a fixed permutation, the same for every model and seed. Of tune rows
    that `split` cuts as well, the same share is left; those that `tune` cuts off train count among them."""
    eval_limit: int | None = Field(None, ge=1)
    """At most this many rows of each eval split."""
    max_length: int | None = Field(None, ge=8)
    """Tokens read at once; null: 128 for classification, 384 for spans, 512 for all that write or
    predict, or what the model can."""
    stride: int = Field(128, ge=0)
    """Tokens that neighbouring windows share: of a long context (question answering), of a document that is scored."""
    end_in_text: Literal["keep", "drop"] | None = None
    """What becomes of the tokenizer's end token (`</s>`) where a text to classify holds it in so many letters; null:
    drop for encoder-decoders, whose head is read at the one that ends the text, and keep for all others."""
    precision: Literal["fp32", "bf16", "fp16", "auto"] = "fp32"
    """Arithmetic of the forward pass; weights and scores stay fp32. fp16 is for answering on a GPU alone. auto: bf16
    where the device is fast in it, else fp16 where that will do, else fp32."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes the fastest that is there."""
    protocol: Literal["head", "generation", "likelihood", "masked"] | None = None
    """How the model answers: `head` by a trained output layer, `generation` by writing, `likelihood` by how likely it
    finds a text (of several, the label's words), `masked` by guessing hidden tokens; null takes the kind's own."""
    likelihood: Literal["raw", "per_token", "corrected"] | None = None
    """Which log-likelihood of a label's words decides: `raw` (null), divided by their tokens, or less the one that they
    have where no text is given."""
    shots: int = Field(0, ge=0)
    """Train rows that stand with their answers before each question, the same for all rows; labels take turns."""
    max_target_length: int | None = Field(None, ge=2)
    """Tokens that an answer may have (generation); null goes by the lengths of the train targets."""
    prompt: str | None = None
    """How a row is put to a model that writes, with `{role}` where a text goes; null takes what it was taught, or the
    kind's words."""
    languages: dict[Literal["source", "target"], str] = Field(default_factory=dict)
    """The model's own codes (`en_XX`, `eng_Latn`, `>>fra<<`); without them those that go with the task's languages."""
    generation: dict[str, Any] = Field(default_factory=dict)
    """Fields of transformers' GenerationConfig, under their own names (`num_beams`, `do_sample`, `max_new_tokens`)."""
    processes: int = Field(1, ge=1)
    """Processes on this machine that share each batch, one GPU each; torchrun's own number wins. Changes no result."""
    lora: LoraConfig | None = Field(default_factory=LoraConfig)
    """LoRA or another PEFT method; null finetunes all weights but those that train.freeze names."""
    tune: TuneConfig | None = None
    """Cuts tune rows off train; null does so only where the task needs it (a threshold)."""
    split: SplitConfig | None = None
    """Cuts one split anew; null takes the task's own splits."""
    train: TrainConfig | None = Field(default_factory=TrainConfig)
    """How to finetune; null evaluates the model as it is."""
    init_from: str | None = None
    """A finished run of the same model and method to go on from; in a suite `task:NAME`, its run of that task."""
    output: str | None = None
    """The run folder; null makes one under runs/."""
    trackers: tuple[str, ...] = ()
    """Also told of loss, rate and scores: tensorboard, trackio, wandb, or another that Accelerate knows."""
    mirror: tuple[str, ...] = ()
    """Folders in the hub's layout (datasets `ID/SUBSET/SPLIT.parquet`, checkpoints `ID/`), searched before the hub."""

    @model_validator(mode="after")
    def _consistent(self) -> "RunConfig":
        if self.model.architecture is not None and "lora" not in self.model_fields_set:
            object.__setattr__(self, "lora", None)  # drawn weights are trained in full, where nothing is said
        if "name" not in self.task and self.data is None:
            raise ValueError("key 'task' is missing; add it")
        if self.lora is not None and self.train is not None and self.train.freeze != "none":
            finding = f"train.freeze={self.train.freeze} beside lora, which freezes all but its weights and the head"
            raise ValueError(f"{finding}; say lora=null, or leave train.freeze out")
        _check_quantized(self)
        _check_scratch(self)
        if self.shots and self.train is not None:
            raise ValueError(
                f"shots={self.shots} beside train, which shows the rows itself; say train=null, or leave shots out"
            )
        if self.init_from is not None and self.train is None:
            raise ValueError("init_from beside train=null; leave init_from out, or score that run by hf-suite eval RUN")
        return self

    @property
    def splits_tune(self) -> bool:
        """Whether `split` has a tune part of its own."""
        return self.split is not None and "tune" in self.split.shares


def _check_scratch(config: RunConfig) -> None:
    """Refuses what makes no sense of weights that are drawn. Raises ValueError."""
    if config.model.architecture is None:
        return
    if config.lora is not None:
        finding = (
            f"lora beside model.architecture: {config.lora.method} on a frozen base of random weights learns nothing"
        )
        raise ValueError(f"{finding}; say lora=null (a config file may say lora)")
    if config.train is None:
        raise ValueError("train=null beside model.architecture: it would answer by chance; train it, or give model.id")
    if config.init_from is not None:
        raise ValueError("init_from beside model.architecture; go on from that run by model.id=RUN/model")


def _check_quantized(config: RunConfig) -> None:
    if config.model.quantize is None or config.train is None:
        return
    able = [name for name, method in METHODS.items() if method.quantizes]
    if config.lora is None or config.lora.method not in able:
        finding = f"model.quantize={config.model.quantize} holds weights that cannot be trained"
        raise ValueError(f"{finding}; train beside them by lora.method={', '.join(able)}, or leave model.quantize out")


class SuiteConfig(Record):
    """Tasks that are scored together."""

    tasks: dict[str, dict[str, Any] | None]
    """Task -> the config's keys that differ there; where `model` is among them, `--model` does not count."""
    models: tuple[str | dict[str, Any], ...] = ()
    """Models for the other tasks, where none is said: ids, or the keys of `model` that say halves or one from
    scratch."""
    config: str | tuple[str, ...] = "lora-small"
    """One config or several, by name or path."""
    seeds: tuple[int, ...] = (0,)
    """Each cell is run once for each."""
    sweep: dict[str, Any] = Field(default_factory=dict)
    """Config key -> a list of values to try, or a range `a..b`; each model is tried with all, and reported by the one
    that is best on tune."""
    trials: int | None = Field(None, ge=1)
    """So many trials, drawn by Optuna; null tries each combination of the listed values."""
    mean: Literal["glue", "tasks"] | None = None
    """How the one number is made: `glue` by GLUE's rule, `tasks` the mean of the headlines; null makes none."""
    median: bool = False
    """Also show each task's median over seeds, beside the mean: some papers report it."""


def read(path: str | None, over: dict[str, Any]) -> RunConfig:
    """The run that a config file (or none) and further keys declare. Raises ConfigError."""
    found = shipped.find("configs", path) if path is not None else None
    base = schema.read_yaml(found) if found is not None else {}
    return schema.build(RunConfig, layered(base, over), found.name if found is not None else "command line")


def layered(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid upon `base`, with the short forms (`task: sst2`) written out so that both may say them."""
    long = _long(over)
    found = schema.merged(_long(base), long)
    return {**found, "train": _sized(found["train"], long["train"])} if long.get("train") else found


def _sized(train: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a training; where `over` sizes steps by features or by tokens, without the other of the two."""
    sizes = {"batch_size", "batch_tokens"}
    said = {key for key in sizes if over.get(key) is not None}
    return {key: value for key, value in train.items() if key not in sizes or key in said or not said}


def _long(data: dict[str, Any]) -> dict[str, Any]:
    short = {"task": "name", "model": "id", "data": "train"}
    return {
        key: {short[key]: value} if key in short and isinstance(value, str) else value for key, value in data.items()
    }


def read_suite(word: str) -> SuiteConfig:
    """A suite by its name or path. Raises ConfigError."""
    path: Path = shipped.find("suites", word)
    return schema.build(SuiteConfig, schema.read_yaml(path), path.name)
