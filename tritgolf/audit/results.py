"""Our own results folder, ``results/<record>``, as the audit reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritgolf.files import read_json_of_others
from tritgolf.report.metrics import Run, load_run, read_resolved


@dataclass(frozen=True)
class Results:
    """A record's results: its metrics, its resolved configuration as written, and where its corpus is."""

    path: Path
    run: Run
    settings: dict[str, Any]
    corpus: Path

    def setting(self, *keys: str) -> Any:
        """A value of the resolved configuration; None where an older version didn't have it."""
        value: Any = self.settings
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def raw(self, stage: str, seed: int) -> dict[str, Any]:
        """The JSON of a seed's ``stage`` file of the last checkpoint, with what reports don't read; empty if none."""
        wanted = (stage, seed, "final")
        found = next((s for s in self.run.sources if (s.stage, s.seed, s.checkpoint) == wanted), None)
        raw = read_json_of_others(found.path) if found else {}
        return raw if isinstance(raw, dict) else {}


def is_results(path: str | Path) -> bool:
    """Whether ``path`` is a results folder of ours rather than a submission."""
    return (Path(path) / "record.json").is_file()


def read_results(path: str | Path) -> Results:
    """Read a results folder; ``InputError`` for damaged or missing metrics."""
    path = Path(path)
    settings, run = read_resolved(path / "record.json"), load_run(path)
    return Results(path, run, settings, path.parent / "data" / run.facts.dataset / "corpus")
