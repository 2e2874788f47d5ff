"""What was measured on recurrent transformers: rows out of the runs of #1716's kind that are kept in ``measured/``.

Scores are bits a published byte. ``published_code.json`` beside a run has the published code's figures on the same
text, ``chunked_scores.json`` beside a seed's metrics the chunked scores of its checkpoints and of each storage.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.audit.results import Results
from tritgolf.errors import InputError
from tritgolf.files import read_json

PUBLISHED_CODE, CHUNKED = "published_code.json", "chunked_scores.json"
BPB = "bpb_published_bytes"


class Probe(NamedTuple):
    """The causality probe's verdict on a scoring method (None: it can't tell), and what it counted."""

    causal: bool | None
    reason: str
    scored_again: int
    tokens_left_out: int
    adapts: bool


@dataclass(frozen=True)
class RecurrentMeasurement:
    """One seed's last checkpoint. ``scores``: "averaged", "quantized", "sliding", "ttt" → BPB, those that were scored.

    ``published_code``: the same of the published code. ``nearest``: chunked BPB of the storage rounded to the nearest.
    """

    run: str
    seed: int
    steps: int
    text: str
    has_bigram: bool
    trains_bigram: bool
    scores: Mapping[str, float]
    published_code: Mapping[str, float] = field(default_factory=dict)
    nearest: float | None = None
    probes: Mapping[str, Probe] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``RUN (800 steps, seed 42)``."""
        return f"{self.run} ({self.steps:,} steps, seed {self.seed})"


def is_recurrent(run: Results) -> bool:
    """Whether a kept run is of a transformer with recurrence."""
    return run.setting("model", "kind") == "transformer" and run.setting("model", "recurrence") is not None


def measurements_of(run: Results) -> Iterator[RecurrentMeasurement]:
    """A row for every seed of a kept run that was evaluated; damaged files are ``InputError``s."""
    for seed in run.run.seeds:
        if evaluated := run.raw("evaluate", seed.seed):
            try:
                yield _of_seed(run, seed.seed, evaluated)
            except (KeyError, TypeError, AttributeError) as error:
                where = run.path / f"seed{seed.seed}"
                raise InputError(where, f"has scores that lack {error}", "restore it from the repository") from None


def _of_seed(run: Results, seed: int, evaluated: Mapping[str, Any]) -> RecurrentMeasurement:
    code = _of(run.path / PUBLISHED_CODE)
    published = {key.removesuffix("_bpb"): value for key, value in code.items() if key.endswith("_bpb")}
    chunked = _of(run.path / f"seed{seed}" / "final" / CHUNKED)
    methods = evaluated["metrics"]["methods"]
    by_name = {"averaged": chunked.get("final"), "quantized": chunked.get("artifact own"), **methods}
    nearest = chunked.get("artifact nearest")
    return RecurrentMeasurement(
        run=run.path.name,
        seed=seed,
        steps=evaluated["step"],
        text=run.run.facts.dataset,
        has_bigram=run.setting("model", "bigram") is not None,
        trains_bigram=run.setting("train", "adam", "trains_hash_embedding") is not False,
        scores={name: score[BPB] for name, score in by_name.items() if score is not None},
        published_code=published,
        nearest=nearest[BPB] if nearest else None,
        probes={name: probe_of(method) for name, method in methods.items() if method.get("causality")},
    )


def _of(path: Path) -> dict[str, Any]:
    """The JSON of a file that a run may have; an empty dictionary where it has none."""
    found = read_json(path) if path.is_file() else {}
    if not isinstance(found, dict):
        raise InputError(path, "is no mapping", "restore it from the repository")
    return found


def probe_of(method: Mapping[str, Any]) -> Probe:
    """The probe's verdict in a method's block of ``evaluate.json``, one that was probed."""
    causality = method["causality"]
    return Probe(
        causality["causal"],
        causality["reason"],
        causality["scored_again"],
        method["tokens_left_out"],
        bool(method.get("adapt")),
    )
