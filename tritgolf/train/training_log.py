"""The training curve as it comes: one JSON line a logged step, cut back to the resumed step after an interruption."""

import json
from pathlib import Path
from typing import Any

from tritgolf.files import write_text


def read_curve(path: str | Path) -> list[dict[str, Any]]:
    """Lines of a curve, in order. A last line torn by a kill is left out."""
    lines: list[dict[str, Any]] = []
    if not Path(path).exists():
        return lines
    for text in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


class Curve:
    """Appends lines to ``path``; lines after ``kept_steps`` are dropped first, for the steps will be done again."""

    def __init__(self, path: Path, kept_steps: int) -> None:
        kept = [line for line in read_curve(path) if line["step"] <= kept_steps]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        last = kept[-1] if kept else {"step": 0, "training_seconds": 0.0}
        self.last_step = int(last["step"])
        self.last_seconds = float(last["training_seconds"])
        self._file = path.open("a", encoding="utf-8")

    def write(self, line: dict[str, Any], batch_tokens: int) -> None:
        """Append ``line`` (it has ``step`` and ``training_seconds``) with the pace since the line before."""
        seconds = (line["training_seconds"] - self.last_seconds) / max(1, line["step"] - self.last_step)
        pace = {"step_ms": 1000 * seconds, "tokens_per_second": batch_tokens / seconds if seconds else None}
        self._file.write(json.dumps({**line, **pace}) + "\n")
        self._file.flush()
        self.last_step, self.last_seconds = line["step"], line["training_seconds"]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
