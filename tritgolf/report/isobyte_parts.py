"""What a ternary point gains by its width and loses by its grid, against the best other one: of the paper."""

from typing import Any

import pandas as pd

from tritgolf.report.isobyte_table import TERNARY
from tritgolf.report.statistics import format_value

TRAINED, ROUNDED = "qat", "gptq"  # methods: trained on the grid; rounded after training, so its network knows no grid


def parts_in_words(frame: pd.DataFrame) -> str:
    """Why the best ternary point is where it is: the scores of unrounded networks, and what either's grid costs.

    ``frame``: of points at equal bytes. Nothing where the best point is no network that was rounded after training, or
    trits were not tried by both methods.
    """
    points: Any = frame.groupby(["bits", "method"])[["trained_bpb", "artifact_bpb"]].mean()
    bits, method = points["artifact_bpb"].idxmin()
    if method != ROUNDED or not {(TERNARY, TRAINED), (TERNARY, ROUNDED)} <= set(points.index):
        return ""
    wide, narrow = (points.loc[of, "trained_bpb"] for of in ((TERNARY, ROUNDED), (bits, ROUNDED)))
    behind = points.loc[(TERNARY, TRAINED), "artifact_bpb"] - wide
    rounding = points.loc[(bits, ROUNDED), "artifact_bpb"] - narrow
    way = "gains" if wide < narrow else "loses"
    return (
        f"Before rounding, a network as wide as trits allow scores {wide:.4f}, one as wide as {bits:g} bits allow "
        f"{narrow:.4f}: width {way} {format_value(abs(narrow - wide), 4)} BPB. GPTQ to {bits:g} bits costs "
        f"{rounding:.4f}. Trits trained on their grid score {behind:.4f} worse than that wider network, whose width "
        "and optimizers are others."
    )
