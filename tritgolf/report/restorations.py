"""What other formats and reloads do to an artifact alone: ``tritgolf laboratory``'s facts, and their table."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, ValidationError

from tritgolf.errors import InputError
from tritgolf.report.facts import Count, Facts, NonNegative, Size, TernaryFacts
from tritgolf.report.laboratory_schemas import Factors
from tritgolf.report.rendering import Table
from tritgolf.report.schemas import Provenance
from tritgolf.report.statistics import format_value, format_with_error
from tritgolf.report.storage_words import described, shown_factors
from tritgolf.report.tables import GAP_DECIMALS

IN_SHORT = {"own": "as the file is reloaded", "lossless": "as the file has it"}  # in full in the notes


class Restoration(Facts):
    """One storage, against the file's own reload; the scores are there if a text was given."""

    factors: Factors
    payload_bytes: Size
    trits_changed: Count | None
    max_weight_error: NonNegative
    relative_error: NonNegative
    max_tensor_error: NonNegative
    bpb: NonNegative | None = None
    over_own_bpb: float | None = None
    over_own_se: NonNegative | None = None


class Restorations(TernaryFacts):
    """All storages of a grid for one artifact; ``names``: every name of the grid → the one of ``rows`` that it is."""

    schema_: Literal["tritgolf/restorations/1"] = Field(alias="schema")
    artifact: str
    format: Literal["tgolf", "ptz", "int6_brotli", "int6_lzma"]
    scale_range: dict[str, NonNegative]
    tokens_scored: Count
    names: dict[str, str]
    rows: Annotated[dict[str, Restoration], Field(min_length=1)]
    provenance: Provenance


def read_restorations(raw: Any, path: str | Path) -> Restorations:
    """The facts of an artifact, as ``tritgolf laboratory`` wrote them. Raises ``InputError`` that names ``path``."""
    try:
        return Restorations.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            path, f"{key}: {first['msg']}", "make it again: tritgolf laboratory ARTIFACT --json FILE"
        ) from None


def restoration_table(found: Restorations) -> Table:
    """A row a storage that is not the same as another: what it changes, what then moves against the own reload."""
    frame = pd.DataFrame(
        [
            {
                "storage": name,
                "same_as": "" if row == name else row,
                **shown_factors(found.rows[row].factors),
                **found.rows[row].model_dump(exclude={"factors"}),
            }
            for name, row in found.names.items()
        ]
    )
    own, lossless = (frame[frame["storage"] == name].iloc[0] for name in ("own", "lossless"))
    rows = []
    for _, row in frame[frame["same_as"] == ""].iterrows():
        scored = {}
        if found.tokens_scored:
            over = format_with_error(row["over_own_bpb"], row["over_own_se"], GAP_DECIMALS)
            scored = {"BPB": format_value(row["bpb"], 4), "over own reload": over}
        rows.append(
            {
                "storage": row["storage"],
                **({} if found.zeros is None else {"trits changed": format_value(row["trits_changed"], 0)}),
                "relative weight error": f"{row['relative_error']:.2e}",
                "largest weight error": f"{row['max_weight_error']:.2e}",
                "largest error of other numbers": f"{row['max_tensor_error']:.2e}",
                **scored,
                "payload bytes": format_value(row["payload_bytes"], 0),
                "what it is": IN_SHORT.get(row["storage"]) or described(row, own, lossless),
            }
        )
    return Table(
        title=f"{found.artifact}: restored in other formats",
        frame=frame,
        cells=pd.DataFrame(rows),
        notes=_notes(found, described(own, own, lossless), described(lossless, own, lossless)),
        left=("storage", "what it is"),
    )


def _notes(found: Restorations, own: str, lossless: str) -> tuple[str, ...]:
    """What stands below the table; ``own`` and ``lossless``: these storages in full."""
    scales = ", ".join(f"{name} {value:.3g}" for name, value in found.scale_range.items())
    codes, layout, weights = "codes", "codes in their bits", "quantized"
    first = f"Scales: {scales}."
    if found.zeros is not None:
        codes, layout, weights = "trits", "trits in base 3", "ternary"
        first = f"{found.ternary_weights:,} ternary weights, {found.estimator} scales ({scales}), true zero fraction "
        first += f"{found.zeros:.4f}."
    return (
        first,
        f"own: the file's own way to be reloaded, which everything is compared with: {own}. lossless: "
        f"{codes} and numbers as the file has them, used directly: {lossless}.",
        f"Payload bytes: before compression, {layout}. Relative weight "
        f"error: ‖difference‖ / ‖own‖ of the effective {weights} weights.",
    )
