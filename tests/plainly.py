"""What someone who has transformers alone does with exported folders: a script, run by itself. Holds no test."""

import json
import sys
from pathlib import Path

for name in ("hf_suite", "peft", "accelerate", "datasets", "evaluate"):
    sys.modules[name] = None  # importing it raises, and transformers finds it not installed

import torch  # noqa: E402
import transformers  # noqa: E402


def classify(folder, rows):
    """The label and its score, as the pipeline gives them."""
    found = transformers.pipeline("text-classification", model=folder, device="cpu")(rows, truncation=True)
    return [[one["label"], one["score"]] for one in found]


def span(folder, rows):
    """The score of no answer, and the best span's text and score."""
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return [_span(model, tokenizer, *row) for row in rows]


def write(folder, rows):
    """What the model writes for each text."""
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        written = [model.generate(**tokenizer(row, truncation=True, return_tensors="pt")) for row in rows]
    return [tokenizer.decode(ids[0], skip_special_tokens=True) for ids in written]


def _span(model, tokenizer, question, context):
    encoded = tokenizer(question, context, return_offsets_mapping=True, return_tensors="pt")
    offsets, inside = encoded.pop("offset_mapping")[0].tolist(), encoded.sequence_ids(0)
    with torch.no_grad():
        out = model(**encoded)
    start, end = out.start_logits[0].tolist(), out.end_logits[0].tolist()
    places = [at for at, part in enumerate(inside) if part == 1]
    score, first, last = max((start[a] + end[b], a, b) for a in places for b in places if a <= b < a + 30)
    text = context[offsets[first][0] : offsets[last][1]].strip()
    return [start[0] + end[0], text, score]


if __name__ == "__main__":
    jobs = json.loads(Path(sys.argv[1]).read_text())
    does = {"classification": classify, "question_answering": span, "writing": write}
    answers = {name: does[job["kind"]](job["folder"], job["rows"]) for name, job in jobs.items()}
    Path(sys.argv[2]).write_text(json.dumps(answers))
