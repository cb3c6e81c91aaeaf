"""Every PEFT method that is offered: trained, saved and loaded anew; and what is refused of them."""

import apart
import pytest
import reloading
import safetensors.torch
import torch
import world
from making import built, part, settled, train

from hf_suite import config as configs
from hf_suite import models
from hf_suite.config import LoraConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.methods import METHODS

# Of a layer of 32 x 32 there are fewer numbers to choose than PEFT's defaults ask for.
TINY = {"waveft": {"n_frequency": 256}, "fourierft": {"n_frequency": 256}}
BEFORE_TEXT = [method for method in METHODS if METHODS[method].layers is None]
CASES = [(architecture, method) for architecture in ("bert", "t5") for method in METHODS]
CASES = [case for case in CASES if case[0] == "bert" or case[1] not in BEFORE_TEXT]


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


def read(**lora):
    return configs.read(None, {"task": "rte", "model": "m", "lora": lora}).lora


@pytest.fixture(scope="module")
def trips(tmp_path_factory, tiny_checkpoint, small_world):
    """Every method trained for three steps, saved, and loaded by one fresh process."""
    root = tmp_path_factory.mktemp("methods")
    jobs, memory = {}, {}
    for architecture, method in CASES:
        key, checkpoint = f"{architecture} {method}", tiny_checkpoint(architecture)
        made = part(small_world, checkpoint, "pairs")
        rows = made.rows.select(range(4))
        torch.manual_seed(1)
        lora = LoraConfig(method=method, options=TINY.get(method, {}))
        ready = built(made, lora=lora.used())
        untrained = reloading.logits(ready.model, made.adapter, rows)
        before = {name: value.detach().clone() for name, value in ready.model.named_parameters()}
        settings = world.run_config(small_world, "pairs", checkpoint, train={"learning_rate": 0.01})
        train(ready.model, made, settings.train)
        models.save(ready.model, made.tokenizer, root / key, base="somewhere")
        memory[key] = {
            "untrained": untrained,
            "logits": reloading.logits(ready.model, made.adapter, rows),
            "moved": [n for n, value in ready.model.named_parameters() if not torch.equal(value, before[n])],
            "saved": safetensors.torch.load_file(root / key / "adapter_model.safetensors"),
            "fresh": ready.fresh,
        }
        jobs[key] = {
            "base": str(checkpoint),
            "folder": str(root / key),
            "lora": True,
            "spec": made.adapter.spec.model_dump(),
            "config": settings.model_dump(),
            "rows": [dict(row) for row in rows],
        }
    for key, logits in apart.call(reloading.reloaded, jobs).items():
        memory[key]["reloaded"] = logits
    return memory


@pytest.mark.parametrize("key", [" ".join(case) for case in CASES])
def test_a_method_trains_and_answers_the_same_in_a_fresh_process(trips, key):
    trip = trips[key]
    assert trip["reloaded"] == pytest.approx(trip["logits"], abs=1e-6, rel=0)
    assert max(abs(a - b) for a, b in zip(trip["untrained"], trip["logits"], strict=True)) > 1e-3
    # Not the head alone was trained, and of the head nothing was left out.
    assert [name for name in trip["moved"] if ".modules_to_save." not in name] != []
    for module in trip["fresh"]:
        assert [name for name in trip["moved"] if f"{module}.modules_to_save." in name] != []
        assert [name for name in trip["saved"] if f"{module}." in name] != []


def test_nothing_but_the_methods_own_weights_and_the_head_is_saved(trips):
    def sizes(key):
        return {name: tuple(value.shape) for name, value in trips[key]["saved"].items()}

    # (IA)3: one number for each key, value and input of the second feed-forward layer.
    found = sizes("t5 ia3")
    scales = {name.split(".layer.")[1].split(".ia3")[0]: shape for name, shape in found.items() if "ia3" in name}
    assert scales == {
        "0.SelfAttention.k": (32, 1),
        "0.SelfAttention.v": (32, 1),
        "1.DenseReluDense.wo": (1, 64),
        "1.EncDecAttention.k": (32, 1),
        "1.EncDecAttention.v": (32, 1),
        "2.DenseReluDense.wo": (1, 64),
    }
    assert [name for name in found if "ia3" not in name] == [
        name for name in found if name.startswith("base_model.model.classification_head.")
    ]


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (
            {"method": "dorra"},
            f"command line: lora.method: no method 'dorra'; did you mean 'dora'? there are: {', '.join(METHODS)}",
        ),
        (
            {"method": "adalora"},
            "command line: lora.method: adalora is not offered: a model that PEFT reloads under it fails as soon as it "
            f"is given labels; take one of: {', '.join(METHODS)}",
        ),
        ({"method": "ia3", "rank": 8}, "command line: lora.rank: ia3 has no rank; leave it out, or say null"),
        (
            {"method": "prompt", "targets": ["query"]},
            "command line: lora.targets: prompt adapts no layers; leave it out",
        ),
        (
            {"method": "vera", "loraplus_ratio": 16.0},
            "command line: lora.loraplus_ratio: vera has no loraplus_ratio; leave it out, or say null",
        ),
        ({"method": "ia3", "alpha": 8}, "command line: lora.alpha: ia3 has no alpha; leave it out, or say null"),
        (
            {"method": "hra", "dropout": 0.1},
            "command line: lora.dropout: hra has no dropout; leave it out, or say null",
        ),
        (
            {"method": "dora", "rank": None},
            "command line: lora.rank: null, and dora needs it; leave it out for the default",
        ),
    ],
)
def test_a_method_and_the_keys_that_it_has_no_use_for_are_refused(lora, message):
    assert refusal(read, **lora) == message


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (
            {"method": "ia3", "options": {"feedforward_module": []}},
            "lora.options: PEFT's IA3Config has no field 'feedforward_module'; did you mean 'feedforward_modules'?",
        ),
        (
            {"options": {"init_lora_weights": "eva"}},
            "lora.options: init_lora_weights=eva is not offered: it needs a pass over the data before training, "
            "without which PEFT trains plain LoRA and says nothing; leave it out, or say lora.method=pissa",
        ),
        (
            {"options": {"init_lora_weights": "pissa_niter_4"}},
            "lora.options: init_lora_weights=pissa_niter_4 is not offered: its random decomposition is drawn anew on "
            "loading, so that the reloaded model is another; leave it out, or say lora.method=pissa",
        ),
        (
            {"rank": 33},
            "lora.rank: 33, and bert.encoder.layer.0.attention.self.query is 32 wide; say lora.rank=32 or less",
        ),
        (
            {"method": "ln_tuning", "targets": ["query"]},
            "lora.targets: no layer 'query' in BertForSequenceClassification; there are: LayerNorm",
        ),
    ],
)
def test_what_a_method_cannot_do_with_a_model_is_refused(tiny_checkpoint, small_world, lora, message):
    made = part(small_world, tiny_checkpoint("bert"), "reviews")
    assert refusal(built, made, lora=LoraConfig(**lora)) == message


def test_a_target_that_is_also_in_the_head_is_refused_where_the_method_cannot_leave_it_out(
    tiny_checkpoint, small_world
):
    made = part(small_world, tiny_checkpoint("t5"), "reviews")
    assert refusal(built, made, lora=LoraConfig(method="vera", targets=("dense",))) == (
        "lora.targets: no layer 'dense' in T5ForSequenceClassification; there are: k, o, q, v, wi, wo"
    )
    made = part(small_world, tiny_checkpoint("deberta-v2"), "reviews")
    assert refusal(built, made, lora=LoraConfig(method="vera", targets=("dense",))) == (
        "lora.targets: they also name pooler.dense of the head, which vera cannot leave out; "
        "name others, or take another method"
    )
    assert built(made, lora=LoraConfig(targets=("dense",))).heads == ("classifier", "pooler")


def test_a_config_says_null_where_a_method_has_no_use_for_a_key(tiny_checkpoint, small_world):
    found = settled(small_world, "reviews", tiny_checkpoint("bert"), lora={"method": "ia3", "rank": None}).config
    assert (found.lora.rank, found.lora.alpha, found.lora.dropout) == (None, None, None)
    assert configs.RunConfig(**found.model_dump()).lora == found.lora


@pytest.mark.parametrize(
    ("lora", "train", "note"),
    [
        ({"method": "dora"}, {}, "train.learning_rate: 0.001, the usual one with dora"),
        ({"method": "ia3", "rank": None}, {}, "train.learning_rate: 0.005, the usual one with ia3"),
        (None, {"freeze": "all_but_head"}, "train.learning_rate: 0.001, the usual one for a head alone"),
        (None, {"freeze": "embeddings"}, "train.learning_rate: 5e-05, the usual one without LoRA"),
    ],
)
def test_each_method_has_its_usual_rate(tiny_checkpoint, small_world, lora, train, note):
    over = {"lora": lora, "train": {"learning_rate": None, **train}}
    assert note in settled(small_world, "reviews", tiny_checkpoint("bert"), **over).notes
