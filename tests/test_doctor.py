"""What the doctor finds in rows: a fault planted is found at its row, and rows without faults have no finding."""

import ailing
import numpy
import pytest
from ailing import found, rows, said, subject, texts

from hf_suite import doctor
from hf_suite.doctor import Lengths, personal


def with_text(at, text, n=60):
    """Sound rows but for one text."""
    words = texts(n)
    words[at] = text
    return subject(train=rows(words))


def test_sound_rows_have_no_finding():
    assert found(subject(train=rows(texts(200)), validation=rows(texts(40, 200)))) == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "empty"),
        (None, "empty"),
        (" \t ", "empty"),
        (" the orchard in spring ", "padded"),
        ("the cafÃ© by the river", "mojibake"),
        ("she said â€œnoâ€\x9d to him", "mojibake"),
        ("a character was \ufffd lost here", "mojibake"),
        ("a bell \x07 rings in it", "control"),
        ("a mark \u200b without width", "control"),
        ("a <b>bold</b> word", "html"),
        ("salt &amp; pepper", "html"),
        ("весь текст написан по-русски", "scripts"),
    ],
)
def test_a_fault_of_a_text_is_found_at_its_row(text, name):
    assert found(with_text(7, text), "texts")[f"texts.{name}"] == ("warn", 1, ["train 7"])


@pytest.mark.parametrize(
    "text",
    ["naïve façade, señor", "a < b and c > d", "R&D at 5 % & more", "<unk> of the <s>", "Ça va? Où ça?", "über 100 €"],
)
def test_what_only_looks_like_a_fault_is_none(text):
    assert found(with_text(7, text), "texts") == {}


def test_empty_texts_are_told_apart():
    words = texts(40)
    words[3:6] = ["", None, "  "]

    one = said(subject(train=rows(words)), "texts.empty")

    assert one.sentence == "3 of 40 rows (7.5 %) have no text (1 empty, 1 null, 1 of spaces)"
    assert (one.severity, one.threshold) == ("bad", "⚠ from one row, ✘ from 5 %")
    assert one.remedy == "hf-suite clean own.csv -o own-clean.csv --fix trim"


def test_equal_texts_are_found_though_case_and_spaces_differ():
    words = texts(50)
    words[20], words[30] = words[4].upper(), words[4].replace(" ", "  ")

    assert found(subject(train=rows(words)), "duplicates") == {
        "duplicates.exact": ("warn", 2, ["train 20", "train 30"])
    }


def test_texts_of_which_a_word_differs_are_near():
    words = texts(50)
    words[20] = words[4].replace(words[4].split()[5], "cellar")

    assert found(subject(train=rows(words)), "duplicates", "near") == {"duplicates.near": ("warn", 1, ["train 20"])}


def test_of_a_pair_both_texts_must_be_near():
    task = ailing.spec(columns={"text": "text", "text_pair": "other", "label": "label"})
    words, others = texts(50), texts(50, 100)
    words[20] = words[4]
    again = subject(task, train=rows(words) | {"other": others})
    others = [*others[:20], others[4] + " too", *others[21:]]

    assert found(again, "duplicates", "near") == {}
    assert found(subject(task, train=rows(words) | {"other": others}), "near") == {
        "duplicates.near": ("warn", 1, ["train 20"])
    }


def test_rows_to_score_that_stand_in_train_leak():
    train, validation = texts(100), texts(20, 100)
    validation[2], validation[9] = train[31].upper(), train[64] + " indeed"

    ill = subject(train=rows(train), validation=rows(validation))

    assert found(ill, "duplicates", "near", "leaks", "near_leaks") == {
        "leaks.exact": ("bad", 1, ["validation 2"]),
        "leaks.near": ("bad", 1, ["validation 9"]),
    }
    leak = said(ill, "leaks.exact")
    assert leak.sentence == "1 of 20 rows (5 %) of validation leak: their texts stand in train (case and spaces aside)"
    assert leak.examples == (f"validation 2: {train[31].upper()[:59]}… ~ train 31: {train[31][:59]}…",)
    assert leak.remedy == "hf-suite clean own.csv -o own-clean --fix leaks"


def test_a_single_split_says_that_leaks_were_not_looked_for():
    (one,) = doctor.examine(subject(train=rows(texts(40))), ["leaks", "near_leaks"]).skipped

    assert one.why == "there are no two splits, one to learn from; training cuts one so that equal texts stay together"


def test_equal_texts_with_different_labels_contradict_each_other_also_across_splits():
    train, validation = rows(texts(50)), rows(texts(20, 50))
    train["text"][10], train["label"][10] = train["text"][3], "good"
    train["text"][11] = train["text"][5]
    validation["text"][0] = train["text"][7].upper()

    ill = subject(train=train, validation=validation)

    assert found(ill, "conflicts") == {"labels.conflicts": ("bad", 4, ["train 3", "train 7", "train 10"])}


def test_labels_are_looked_at():
    train = rows(texts(60), ["good"] * 30 + ["bad"] * 24 + ["Good "] * 2 + ["fair"] * 3 + [None])

    ill = subject(train=train, validation=rows(texts(3, 60), ["good", "awful", "BAD"]))

    assert found(ill, "labels") == {
        "labels.missing": ("warn", 1, ["train 59"]),
        "labels.rare": ("warn", 5, ["train 54", "train 55", "train 56"]),
        "labels.spelling": ("bad", 3, ["train 54", "train 55", "validation 2"]),
        "labels.unknown": ("bad", 1, ["validation 1"]),
    }
    assert said(ill, "labels.distribution").sentence == (
        "4 labels in train: good 50.8 %, bad 40.7 %, fair 5.1 %, Good  3.4 %"
    )


def test_a_label_that_nearly_all_rows_have_is_a_warning():
    ill = subject(train=rows(texts(60), ["good"] * 56 + ["bad"] * 4))

    assert found(ill, "labels")["labels.distribution"] == ("warn", 56, [])


@pytest.mark.parametrize(
    ("cells", "finding"),
    [
        (["3,5"] * 50, ("warn", 50, [])),
        (["4"] * 48 + ["four", "n.a."], ("warn", 48, ["train 48", "train 49"])),
        (["4"] * 30 + ["four"] * 20, None),
        (["007"] * 50, None),
    ],
)
def test_numbers_that_are_texts_are_found_in_any_column(cells, finding):
    ill = subject(train=rows(texts(50)) | {"stars": cells})

    assert found(ill, "labels").get("labels.numbers") == finding


def test_labels_that_are_called_0_and_1_are_no_numbers():
    assert found(subject(train=rows(texts(40), ["0", "1"] * 20)), "labels") == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe@example.org today", "e-mail address"),
        ("pay to DE89 3704 0044 0532 0130 00 now", "account number"),
        ("card 4111 1111 1111 1111 expires", "card number"),
        ("her number is 078-05-1120", "social security number"),
        ("the host 192.168.10.7 is down", "internet address"),
        ("call +49 30 901820 at noon", "phone number"),
        ("call (030) 901 8200 at noon", "phone number"),
    ],
)
def test_personal_data_are_counted_and_never_shown(text, kind):
    ill = with_text(7, text)

    (one,) = doctor.examine(ill, ["personal"]).findings
    assert (one.severity, one.count, [str(row) for row in one.rows]) == ("warn", 1, ["train 7"])
    assert one.sentence.endswith(kind)
    assert personal.masked(text) == text.replace(next(iter(shown(text))), f"[{kind}]")


def shown(text):
    """What of these texts is personal."""
    return [part for part in PARTS if part in text]


PARTS = (
    "jane.doe@example.org", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "078-05-1120", "192.168.10.7",
    "+49 30 901820", "(030) 901 8200",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "on 2024-03-05 at 10:15",
        "version 1.2.3 of 2,000,000",
        "card 4111 1111 1111 1112",
        "pages 100-120",
        "room 1200 1300",
    ],
)
def test_what_only_looks_personal_is_not_counted(text):
    assert personal.kinds(text) == set()


def test_an_excerpt_shows_nothing_personal():
    words = texts(40)
    words[3] = words[9] = "please write to jane.doe@example.org about the orchard"

    (example,) = said(subject(train=rows(words)), "duplicates.exact").examples

    assert example == (
        "train 9: please write to [e-mail address] about the orchard"
        " ~ train 3: please write to [e-mail address] about the orchard"
    )


@pytest.mark.parametrize(
    ("start", "name", "severity"), [(4, None, None), (0, "answers.moved", "warn"), (None, None, None)]
)
def test_an_answer_away_from_its_offset_is_found(start, name, severity):
    gold = {"text": ["red"], "answer_start": [start]} if start is not None else "red"

    assert found(asked(gold), "answers") == ({} if name is None else {name: (severity, 1, ["train 0"])})


def test_an_answer_that_is_lost_is_bad():
    ill = asked({"text": ["blue"], "answer_start": [4]})

    assert found(ill, "answers") == {"answers.lost": ("bad", 1, ["train 0"])}
    assert said(ill, "answers.lost").sentence == (
        "1 of 1 rows (100 %) have an answer that cannot be found (1 does not stand in its context)"
    )


def asked(gold):
    """One question, with that answer."""
    columns = {"question": "question", "context": "context", "answers": "answers"}
    facts = {"kind": "question_answering", "columns": columns, "labels": None, "metrics": ["squad"], "headline": "f1"}
    row = {"question": ["which train?"], "context": ["the red train was slow"], "answers": [gold]}
    return subject(ailing.spec(**facts), train=row)


def test_of_several_labels_a_row_each_is_looked_at_and_none_is_no_fault():
    task = ailing.spec(target="labels", separator=";", metrics=["multilabel_f1"], headline="micro_f1")
    labels = ["good;bad", "", "bad"] * 16 + ["good; Bad", "good;odd"]
    words = texts(50)
    words[45] = words[0]

    ill = subject(task, train=rows(words, labels))

    assert found(ill, "labels", "conflicts") == {
        "labels.rare": ("warn", 2, ["train 48", "train 49"]),
        "labels.spelling": ("bad", 1, ["train 48"]),
    }
    words[46] = words[0]
    assert found(subject(task, train=rows(words, labels)), "conflicts") == {
        "labels.conflicts": ("bad", 3, ["train 0", "train 45", "train 46"])
    }


def test_rows_that_a_model_would_cut_or_not_know_are_counted():
    tokens = {"train": numpy.array([10] * 38 + [20, 30])}
    unknown = {"train": numpy.array([0] * 39 + [2])}

    ill = subject(lengths=Lengths("small", 15, tokens, unknown), train=rows(texts(40)))

    assert found(ill, "lengths") == {
        "lengths.cut": ("warn", 2, ["train 38", "train 39"]),
        "lengths.unknown": ("warn", 1, ["train 39"]),
    }
    assert said(ill, "lengths.cut").sentence == (
        "2 of 40 rows (5 %) would be cut: they have more than max_length 15 tokens"
    )
    assert said(ill, "lengths.cut").remedy == "hf-suite train ... max_length=30, where the model can read as many"
    assert said(ill, "lengths.tokens").sentence == (
        "train: half of the rows have up to 10 tokens, 95 % up to 10, the longest 30"
    )
