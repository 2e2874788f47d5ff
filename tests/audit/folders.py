"""Submission folders and results folders, built from the published logs: what the audit's tests look at."""

import json
import random
import shutil
from functools import cache
from pathlib import Path

from tritgolf.audit.submission import read_logs

PUBLISHED = Path(__file__).parents[2] / "published"
SAMPLES = Path(__file__).parents[1] / "fixtures" / "published"


@cache
def _published() -> dict[str, str]:
    """Each published run (``pr640/seed42``) as a log that our own writer makes of its facts."""
    return {log.name.removesuffix(".log"): "\n".join(log.lines) + "\n" for log in read_logs(PUBLISHED)}


RUNS = ("pr640/seed1337", "pr640/seed42", "pr640/seed7", "pr920/seed1337", "pr920/seed42", "pr920/seed7",
        "pr923/seed7", "ternary_150k_fp16/seed42")  # fmt: skip


def published_as_logs(path: Path) -> Path:
    """A copy of ``published/`` in which each run is a log, to be edited."""
    shutil.copytree(PUBLISHED, path, ignore=shutil.ignore_patterns("facts.json"))
    for name in RUNS:
        (path / f"{name}.log").parent.mkdir(exist_ok=True)
        (path / f"{name}.log").write_text(text(name))
    return path


def text(name: str, *edits: tuple[str, str]) -> str:
    """A published run's log (``pr640/seed42``) with edits; each must change something."""
    content = _published()[name]
    for old, new in edits:
        assert old in content, f"{old!r} is not in {name}"
        content = content.replace(old, new)
    return content


def without(name: str, *starts: str) -> str:
    """A published log without the lines that start so."""
    lines = text(name).splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(starts)]
    assert len(kept) < len(lines)
    return "".join(kept)


def folder(path: Path, logs: dict[str, str], readme: str | None = None, facts: object = None) -> Path:
    """A submission folder with these logs, README.md and submission.json."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in logs.items():
        (path / f"{name}.log").write_text(content)
    if readme is not None:
        (path / "README.md").write_text(readme)
    if facts is not None:
        (path / "submission.json").write_text(facts if isinstance(facts, str) else json.dumps(facts))
    return path


def three(system: str, *edits: tuple[str, str]) -> dict[str, str]:
    """The three logs of a system, edited alike."""
    return {f"seed{seed}": text(f"{system}/seed{seed}", *edits) for seed in (42, 1337, 7)}


def digits_lost(content: str) -> str:
    """The text with every digit unreadable."""
    return "".join("#" if character.isdigit() else character for character in content)


def shuffled(content: str) -> str:
    """The text's characters in another order."""
    characters = list(content)
    random.Random(0).shuffle(characters)
    return "".join(characters)


def emptied(content: str) -> str:
    """No text."""
    return content[:0]


GARBLINGS = (digits_lost, shuffled, emptied)

README_640 = """# Record: 1.1570 BPB - ternary U-Net

**val_bpb: 1.1570** (3-seed mean sliding, std 0.0007) | **15.99 MB** max artifact | 8xH100, 599s

Ternary weights as a bitmask, LZMA.

| Seed | Steps | ms/step | Sliding BPB (s16) | val_bpb | RT bpb | Artifact |
|------|-------|---------|-------------------|---------|--------|----------|
| 42 | 6,530 | 91.8 | **1.1565** | 1.1816 | 1.1837 | 15,993,853 bytes |
| 1337 | 6,520 | 91.9 | **1.1568** | 1.1825 | 1.1839 | 15,995,705 bytes |
| 7 | 6,530 | 91.8 | **1.1578** | 1.1823 | 1.1850 | 15,992,753 bytes |
| **Mean** | 6,527 | 91.8 | **1.1570** | 1.1821 | 1.1842 | 15,994,104 bytes |
| **Std** | 6 | 0.1 | **0.0007** | 0.0005 | 0.0007 | 1,492 bytes |

| Metric | before | after | Delta |
|--------|--------|-------|-------|
| Sliding BPB | 1.1570 | 1.1539 | -0.0031 |
| Steps | 6,530 | 100,000 | 15.3x |
"""
