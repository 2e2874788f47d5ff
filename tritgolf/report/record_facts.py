"""The slice of a record's configuration that reports depend on, and how they call it."""

import re
from typing import Any, Literal

from tritgolf.config.differences import shortened
from tritgolf.config.record import RUN_MARK, RecordConfig
from tritgolf.config.types import ByteCounting, Mode
from tritgolf.report.facts import Facts

AS_WRITTEN = "as written (weights rounded to BF16)"  # what the published source says, and the faithful mode doesn't do


class RecordFacts(Facts):
    """The slice of a record's configuration that reports depend on.

    Deliberately not a ``RecordConfig``: a kept run must stay readable after other settings were added or renamed.
    ``rounds_weights``: whether it decides trits from weights rounded to BF16. The faithful mode once did, and the runs
    kept from then on are told by this setting, not by their names. ``has_trits``: whether it trains ternary weights.
    ``averages_weights``: whether what it scores and stores is an average of the trained weights. ``compares_methods``:
    whether it scores by more than windows side by side.
    """

    name: str
    title: str
    source: str
    mode: Mode
    dataset: str
    seeds: tuple[int, ...]
    headline_z_loss: bool
    headline_bytes: ByteCounting
    zero_fraction: Literal["record", "true"]
    rounds_weights: bool = False
    has_trits: bool = True
    averages_weights: bool = False
    calibrates_temperature: bool = True
    compares_methods: bool = True
    laid_over: tuple[str, ...] = ()  # where settings are not the record's own: ``train.steps: 24 → 32``

    @property
    def label(self) -> str:
        """What a table calls the mode: "faithful", "honest", or as the published source is written."""
        if not self.rounds_weights:
            return self.mode
        return AS_WRITTEN if self.mode == "faithful" else f"{self.mode}, weights rounded to BF16"

    @property
    def heading(self) -> str:
        """The title, with what keeps the run from being the record in its mode, if anything does.

        That is: rounded weights, the run's name, and what was laid over the record but for the seeds, which tables
        count themselves.
        """
        title = f"{self.title}, {self.label}" if self.rounds_weights else self.title
        _, _, run = self.name.partition(RUN_MARK)
        changed = [each for each in self.laid_over if not each.startswith("seeds: ")]
        told = [f"run {run}"] if run else []
        told += [f"not as the record has it: {shortened(changed, 2)}"] if changed else []
        return f"{title} ({'; '.join(told)})" if told else title


def record_facts(config: RecordConfig, laid_over: tuple[str, ...] = ()) -> RecordFacts:
    """The facts of a validated configuration, and what was ``laid_over`` the record."""
    return RecordFacts(
        name=config.name,
        title=config.title,
        source=config.source,
        mode=config.mode,
        dataset=config.dataset,
        seeds=config.seeds,
        headline_z_loss=config.evaluate.headline_z_loss,
        headline_bytes=config.report.bytes,
        zero_fraction=config.report.zero_fraction,
        **mechanisms(config.model_dump()),
        laid_over=laid_over,
    )


def mechanisms(record: dict[str, Any]) -> dict[str, Any]:
    """What reports need to know of what a resolved configuration trains and scores.

    A model that says no kind is a U-Net, whose weights are ternary.
    """
    model = record.get("model", {})
    methods = (record.get("evaluate", {}).get("methods") or {}).values()
    return {
        "rounds_weights": rounds_weights(record),
        "has_trits": "kind" not in model or "estimator" in model.get("quantizer", {}),
        "averages_weights": bool(record.get("train", {}).get("average")),
        "calibrates_temperature": bool(record.get("evaluate", {}).get("temperatures", True)),
        "compares_methods": not methods or any(method.get("kind") != "chunked" for method in methods),
    }


def rounds_weights(record: dict[str, Any]) -> bool:
    """Whether a resolved configuration decides trits from weights rounded to BF16."""
    return record.get("model", {}).get("quantizer", {}).get("arithmetic") == "bf16_weight"


def published_system(source: str) -> str | None:
    """The system in the published figures that a record with this source reproduces: ``#920`` → ``pr920``.

    What was published without a pull request of its own, as the contest's baseline, is named by its folder.
    """
    if re.fullmatch(r"#\d+", source):
        return f"pr{source[1:]}"
    return source if re.fullmatch(r"\w+", source) else None
