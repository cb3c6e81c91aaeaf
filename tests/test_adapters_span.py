"""Windows of a context to spans: found exactly, placed in the text, and never read off a token without a place."""

import itertools
import math
from types import SimpleNamespace

import accelerate
import pytest
import tiny
import torch
import transformers
import world
from datasets import Dataset
from making import built, part

from hf_suite import models, schema
from hf_suite.adapters import take
from hf_suite.adapters.span import SpanAdapter
from hf_suite.answering import answer
from hf_suite.config import ModelConfig, RunConfig
from hf_suite.errors import ModelError
from hf_suite.spec import TaskSpec

CONTEXT = "On one day the good man walks in the dark park. It has an old book for the town, and the sun is loud."
ALL = [*tiny.ARCHITECTURES, "roberta", "xlnet"]


def adapter(tiny_checkpoint, architecture="bert", *, max_length=64, stride=16, smoothing=0.0):
    """The adapter of questions with the tokenizer of an architecture."""
    spec = schema.build(TaskSpec, world.task("questions"), "test")
    tokenizer, _ = models.load_tokenizer(models.locate(ModelConfig(id=str(tiny_checkpoint(architecture)))))
    keys = {"max_length": max_length, "stride": stride, "train": {"label_smoothing": smoothing}}
    return SpanAdapter(spec, RunConfig(task="questions", model="any", **keys), tokenizer)


def rows_of(*rows):
    """Rows of (question, context, gold texts by their start)."""
    return Dataset.from_list(
        [
            {
                "row": f"row {at}",
                "question": question,
                "context": context,
                "answers": {"text": list(golds.values()), "answer_start": list(golds)},
            }
            for at, (question, context, golds) in enumerate(rows)
        ]
    )


def gold(text, context=CONTEXT):
    return {context.index(text): text}


def pieces(window, context):
    """The characters of each of the window's context tokens."""
    return [context[start:end] for start, end in zip(window["starts"], window["ends"], strict=True) if start >= 0]


class Drawn:
    """A model whose logits are drawn from each window's tokens, and so do not depend on where the padding is."""

    def __call__(self, input_ids, attention_mask, **other):
        drawn = [self.logits(ids[mask == 1]) for ids, mask in zip(input_ids, attention_mask, strict=True)]
        out = torch.full((2, *input_ids.shape), 100.0)  # padding is never to be taken
        for at, (mask, both) in enumerate(zip(attention_mask, drawn, strict=True)):
            out[:, at, mask == 1] = both
        return SimpleNamespace(start_logits=out[0], end_logits=out[1])

    @staticmethod
    def logits(ids):
        """Start and end logits of a window without its padding, shape (2, tokens)."""
        seed = int((ids * torch.arange(1, len(ids) + 1)).sum())
        return torch.randn((2, len(ids)), generator=torch.Generator().manual_seed(seed))


def by_brute_force(context, windows):
    """Evidence by trying every span of every window: of at most 30 tokens, the 20 best of each and of all."""
    scores, nulls = {}, []
    for window in windows:
        start_logits, end_logits = Drawn.logits(torch.tensor(window["input_ids"])).tolist()
        nulls.append(start_logits[window["null"]] + end_logits[window["null"]])
        inside = [at for at, start in enumerate(window["starts"]) if start >= 0]
        spans = [(first, last) for first, last in itertools.product(inside, inside) if first <= last < first + 30]
        for first, last in sorted(spans, key=lambda span: -start_logits[span[0]] - end_logits[span[1]])[:20]:
            text = context[window["starts"][first] : window["ends"][last]]
            start = window["starts"][first] + len(text) - len(text.lstrip())
            place = (text.strip(), start, start + len(text.strip()))
            scores[place] = max(scores.get(place, -1e9), start_logits[first] + end_logits[last])
    best = sorted(((*place, score) for place, score in scores.items() if place[0]), key=lambda span: -span[3])[:20]
    return {"spans": [[*span[:3], pytest.approx(span[3])] for span in best], "null": pytest.approx(min(nulls))}


@pytest.mark.parametrize("architecture", ALL)
@pytest.mark.parametrize("batch_size", [1, 16])
def test_spans_are_those_of_a_search_through_all_of_them(tiny_checkpoint, architecture, batch_size):
    made = adapter(tiny_checkpoint, architecture, max_length=48, stride=12)
    rows = rows_of(
        ("who walks?", CONTEXT, {}),
        ("what is loud?", CONTEXT * 3, {}),
        ("who?", "  the man  ", {}),
        ("", "été 日本", {}),
    )
    features = made.eval_features(rows)
    outputs = []
    for at in range(0, len(features), batch_size):
        batch = made.collate(take(features, range(at, min(at + batch_size, len(features)))))
        outputs += made.outputs(Drawn(), batch)
    assert len(features) > len(rows)
    for row in rows:
        places = [at for at, name in enumerate(features["row"][:]) if name == row["row"]]
        windows = take(features, places)
        found = made.evidence(row, windows, [outputs[at] for at in places])
        assert found == by_brute_force(row["context"], windows)


def test_a_smoothed_loss_gives_a_part_of_each_target_to_every_token_but_padding(tiny_checkpoint):
    made = adapter(tiny_checkpoint, smoothing=0.1)
    rows = rows_of(("who?", CONTEXT, gold("the good man")), ("who walks there?", "the man", gold("the man", "the man")))
    batch = made.collate(take(made.train_features(rows), [0, 1]))

    def says(input_ids, **other):
        logits = torch.zeros(input_ids.shape)
        first = logits.scatter(1, batch["start"][:, None], math.log(3))
        return SimpleNamespace(start_logits=first, end_logits=logits)

    # The start's token has 3 shares of tokens + 2, each other token one; the end's have all the same.
    tokens = [int(count) for count in batch["attention_mask"].sum(dim=1)]
    assert tokens[0] > tokens[1]
    starts = [
        -(0.9 + 0.1 / count) * math.log(3 / (count + 2)) + (count - 1) * 0.1 / count * math.log(count + 2)
        for count in tokens
    ]
    expected = (sum(starts) + sum(math.log(count) for count in tokens)) / 2
    assert made.loss(says, batch).item() == pytest.approx(expected, rel=1e-5)


def test_windows_overlap_by_the_stride_and_hold_the_whole_context(tiny_checkpoint):
    made = adapter(tiny_checkpoint, max_length=27, stride=6)
    words = [f"{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"] * 2
    features = made.eval_features(rows_of(("who walks there?", " ".join(words), {})))
    # 27 tokens less 3 special ones and 4 of the question (who walks there ?) leave 20; each begins 14 after the last.
    held = [pieces(window, " ".join(words)) for window in take(features, range(len(features)))]
    assert held == [words[0:20], words[14:34], words[28:48], words[42:52]]
    assert features["row"][:] == ["row 0"] * 4
    assert made.counts == {"questions_cut": 0, "answers_not_reproducible": 0}


def test_a_stride_is_at_most_a_third_of_the_length(tiny_checkpoint):
    assert adapter(tiny_checkpoint, max_length=60, stride=128).stride == 20


@pytest.mark.parametrize(
    ("architecture", "token", "position"),
    [
        ("bert", "[CLS]", 0),
        ("deberta-v2", "[CLS]", 0),
        ("modernbert", "[CLS]", 0),
        ("roberta", "<s>", 0),
        ("llama", "<s>", 0),
        ("xlnet", "<cls>", -1),
        ("t5", "▁who", 0),
        ("gpt2", "w", 0),
    ],
)
def test_no_answer_is_read_at_cls_else_bos_else_the_first_token(tiny_checkpoint, architecture, token, position):
    made = adapter(tiny_checkpoint, architecture)
    features = made.eval_features(rows_of(("who is it", CONTEXT, {}), ("who", "a man", {})))
    (window, short) = take(features, [0, 1])
    assert made.tokenizer.convert_ids_to_tokens(window["input_ids"][window["null"]]) == token
    assert window["null"] == position % len(window["input_ids"])
    batch = made.collate([window, short])
    for ids, null in zip(batch["input_ids"], batch["null"], strict=True):
        assert made.tokenizer.convert_ids_to_tokens(int(ids[null])) == token


@pytest.mark.parametrize("architecture", ALL)
@pytest.mark.parametrize(
    ("context", "text"),
    [
        (CONTEXT, "the good man"),
        (CONTEXT, "loud"),
        (CONTEXT, "On"),
        ("été à São Paulo, l'œuvre", "São Paulo"),
        ("日本語の文", "本語"),
        ("e\u0301te\u0301 and more", "more"),
        ("a 👩‍👩‍👧 b ☃ c", "☃"),
        ("costs $5.50 (in 1999)", "5.50"),
    ],
)
def test_the_target_of_training_reads_as_the_gold_answer(tiny_checkpoint, architecture, context, text):
    made = adapter(tiny_checkpoint, architecture, max_length=96)
    rows = rows_of(("who is it?", context, gold(text, context)))
    (target,), (window,) = take(made.train_features(rows), [0]), take(made.eval_features(rows), [0])
    read = context[window["starts"][target["start"]] : window["ends"][target["end"]]]
    # What tokens cannot cut apart comes along; here that is white space alone, or a word of unknown characters.
    assert text in read
    assert read.strip() == text or made.counts["answers_not_reproducible"] == 1


def test_most_of_those_answers_can_be_read_off_tokens(tiny_checkpoint):
    for architecture in ("modernbert", "gpt2", "llama", "roberta"):
        made = adapter(tiny_checkpoint, architecture, max_length=96)
        context = "été à São Paulo, 日本語 costs $5.50"
        made.eval_features(
            rows_of(*[("who?", context, gold(text, context)) for text in ("São Paulo", "本語", "5.50", "été")])
        )
        assert made.counts["answers_not_reproducible"] == 0


def test_a_window_that_lacks_part_of_the_answer_has_the_null_token_as_its_target(tiny_checkpoint):
    made = adapter(tiny_checkpoint, max_length=27, stride=6)
    words = ["a"] * 17 + ["quiet", "river", "road", "street"] + ["b"] * 13
    context = " ".join(words)
    rows = rows_of(("who walks there?", context, gold("quiet river road street", context)))
    targets = take(made.train_features(rows), [0, 1])
    # The first window holds three of the four words, the second (from word 14 on) all; 6 tokens come before.
    assert [(target["start"], target["end"]) for target in targets] == [(0, 0), (6 + 3, 6 + 6)]
    assert "starts" not in targets[0]


def test_an_unanswerable_question_has_the_null_token_as_its_target(tiny_checkpoint):
    made = adapter(tiny_checkpoint, "xlnet")
    rows = rows_of(("who is it?", CONTEXT, {}), ("who?", "the man", {}))
    features = take(made.train_features(rows), [0, 1])
    batch = made.collate(features)
    last = len(features[0]["input_ids"]) - 1
    assert (features[0]["start"], features[0]["end"]) == (last, last)
    assert batch["start"].tolist() == batch["end"].tolist() == [last, last]


def test_the_loss_is_the_mean_of_both_ends_summed_over_the_windows(tiny_checkpoint):
    made = adapter(tiny_checkpoint)
    rows = rows_of(("who?", "a man", gold("man", "a man")), ("who?", "a good man", gold("a", "a good man")))
    features = take(made.train_features(rows), [0, 1])
    batch = made.collate(features)
    assert made.count(batch) == 2

    def alike(input_ids, **other):
        return SimpleNamespace(start_logits=torch.zeros(input_ids.shape), end_logits=torch.zeros(input_ids.shape))

    # Every token is as likely: of 7 tokens and of 8, padding left out.
    assert [feature["length"] for feature in features] == [7, 8]
    assert made.loss(alike, batch).item() == pytest.approx(torch.tensor([7.0, 8.0]).log().sum().item())


def test_an_empty_context_has_no_spans(tiny_checkpoint):
    for architecture in ALL:
        made = adapter(tiny_checkpoint, architecture)
        rows = rows_of(("who is it?", "", {}), ("", "", {}), ("", "   ", {}))
        features = made.eval_features(rows)
        outputs = made.outputs(Drawn(), made.collate(take(features, range(3))))
        for at, row in enumerate(rows):
            assert made.evidence(row, take(features, [at]), [outputs[at]])["spans"] == []
        assert made.train_features(rows)["row"][:] == ["row 0", "row 1", "row 2"]


def test_a_long_question_is_cut_so_that_every_window_has_context(tiny_checkpoint):
    made = adapter(tiny_checkpoint, max_length=30, stride=4)
    question = " ".join(["who"] * 100)
    rows = rows_of((question, CONTEXT, gold("loud")), ("who?", CONTEXT, gold("loud")))
    windows = [window for window in take(made.eval_features(rows), range(3)) if window["row"] == "row 0"]
    assert made.counts == {"questions_cut": 1, "answers_not_reproducible": 0}
    for window in windows:
        words = made.tokenizer.convert_ids_to_tokens(window["input_ids"])
        assert words.count("who") == 10  # a third of 30
        assert len(pieces(window, CONTEXT)) > 4
        assert len(words) <= 30


@pytest.mark.parametrize(
    ("context", "golds", "lost"),
    [
        ("the dog walks", {4: "dog"}, 0),
        ("the dog walks", {4: "do"}, 1),  # a word of the vocabulary is one token
        ("the dog walks", {4: "do", 0: "the dog"}, 0),  # any of the answers will do
        ("the dog walks, do you", {4: "do"}, 0),  # it stands elsewhere too
        ("the dog walks", {0: "The Dog!"}, 0),  # as the official script compares
        (" ".join(["dog"] * 40), {0: " ".join(["dog"] * 30)}, 0),
        (" ".join(["dog"] * 40), {0: " ".join(["dog"] * 31)}, 1),  # longer than what is searched
    ],
)
def test_answers_that_no_span_can_give_are_counted(tiny_checkpoint, context, golds, lost):
    made = adapter(tiny_checkpoint)
    made.eval_features(rows_of(("who?", context, golds), ("who?", context, {})))
    assert made.counts["answers_not_reproducible"] == lost


def test_a_tokenizer_without_offsets_is_refused():
    with pytest.raises(ModelError) as caught:
        SpanAdapter.check_tokenizer(transformers.ByT5Tokenizer(), "own/byt5")
    assert str(caught.value) == (
        "own/byt5: ByT5Tokenizer does not say which characters a token stands for, as spans need; "
        "take a checkpoint with a tokenizer.json (a fast tokenizer)"
    )


def test_a_length_that_leaves_no_room_for_a_question_is_refused(tiny_checkpoint):
    with pytest.raises(ModelError) as caught:
        adapter(tiny_checkpoint, max_length=20)
    assert str(caught.value) == "max_length: max_length 6 leaves no room beside 3 special tokens; raise max_length"


@pytest.mark.parametrize("architecture", [*tiny.ARCHITECTURES, "roberta"])
def test_a_row_is_answered_alone_as_in_a_batch_of_sixteen(tiny_checkpoint, small_world, architecture):
    wide = {} if architecture == "t5" else {"initializer_range": 0.2}  # or a random model hardly tells texts apart
    made = part(small_world, tiny_checkpoint(architecture, **wide), "questions")
    model = built(made, lora=None).model
    odd = [("who is it?", CONTEXT * 2, {}), ("who?", "", {}), ("", "the man", {}), ("where?", "été 日本 ☃", {})]
    rows = rows_of(*odd, *[(f"who {'is ' * count}it?", "a man " * count, {}) for count in range(1, 13)])
    alone, together = (
        dict(answer(model, made.adapter, rows, accelerator=accelerate.Accelerator(cpu=True), batch_size=size))
        for size in (1, 16)
    )
    for row, evidence in alone.items():
        other = together[row]
        assert evidence["null"] == pytest.approx(other["null"], abs=1e-5)
        assert [span[3] for span in evidence["spans"]] == pytest.approx([span[3] for span in other["spans"]], abs=1e-5)
        assert evidence["spans"][:1] == [[*span[:3], pytest.approx(span[3], abs=1e-5)] for span in other["spans"][:1]]
