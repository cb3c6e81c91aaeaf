"""The name under which a Result may stand in a table. Never gives a subset the bare name of its set."""

import re

from hf_suite.record import Result


def title(result: Result) -> str:
    """`squad`, or `squad [2,000 train rows]` where fewer rows or splits than the task's were used, or others.

    Rows of tune count as used, as do rows that were dropped for want of a label: with them a set is whole.
    """
    parts = _cut_anew(result) if result.config.get("split") else _train(result) + _eval(result)
    return f"{result.task['name']} [{', '.join(parts)}]" if parts else str(result.task["name"])


def _cut_anew(result: Result) -> list[str]:
    split = result.config["split"]
    if split.get("folds"):
        return [f"{split['folds']} folds of {split['of']}"]
    by = f" by {split['group']}" if split.get("group") else ""
    rows = " and ".join(f"{count:,} {name}" for name, count in result.rows.items() if name != "tune")
    return [f"{rows} rows cut anew from {split['of']}{by}"]


def _train(result: Result) -> list[str]:
    if "train" not in result.rows:
        return [f"limit {result.config['limit']:,}"] if result.lineage and result.config.get("limit") else []
    used = result.rows["train"] + result.rows.get("tune", 0)
    whole = _is_whole(result, result.task["source"].get("train"), used, "limit")
    return [] if whole else [f"{result.rows['train']:,} train rows"]


def _eval(result: Result) -> list[str]:
    parts = []
    for split in result.task["source"].get("eval", ()):
        if split not in result.rows:
            parts.append(f"without {split}")
        elif not _is_whole(result, split, result.rows[split], "eval_limit"):
            parts.append(f"{result.rows[split]:,} {split} rows")
    return parts


def _is_whole(result: Result, split: str | None, used: int, limit: str) -> bool:
    """Against the published count where there is one; without it, a limit that cut and a want of rows are caveats."""
    expected = result.expected_rows.get(split or "")
    if expected is None:
        cut = re.compile(rf"{limit} .*|{re.escape(str(split))}: [\d,]+ of [\d,]+ rows")
        return not any(cut.fullmatch(caveat) for caveat in result.caveats)
    return used + _unlabelled(result, split) >= expected


def _unlabelled(result: Result, split: str | None) -> int:
    """Rows that were dropped for want of a label; the caveats count them."""
    found = (re.fullmatch(rf"{split}: ([\d,]+) rows without a label left out", caveat) for caveat in result.caveats)
    return sum(int(match[1].replace(",", "")) for match in found if match)
