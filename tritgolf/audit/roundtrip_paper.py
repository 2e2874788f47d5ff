"""``docs/roundtrip.md``: the laboratory's result as a short paper, every number from ``measured/``.

The prose is ``captions/roundtrip_paper.md``; a table and figures are set in where it names them.
"""

from collections.abc import Sequence
from pathlib import Path

from tritgolf.audit.measurements import Measurements
from tritgolf.audit.roundtrip_page import DECISION_CAPTION, Kept, decision_table
from tritgolf.report.catalogue import draw
from tritgolf.report.pages import Block, Picture, Shown, fill
from tritgolf.report.style import save

CAPTIONS = {
    "rt_gap": "`{}`: the gap at each checkpoint, by the format of the scales.",
    "waterfall": "`{}`: from no gap to the record's, decision by decision; the remainder is what is left.",
    "gap_length": "`{}`: the gap over training, the part of the scales' format in it, and weights at the threshold.",
}


def roundtrip_paper(template: str, runs: Sequence[Kept], measured: Measurements, figures: Path) -> list[Block]:
    """The paper's blocks; writes the figures it shows as ``figures``/RUN_PLOT.svg.

    ``<!-- figure RUN PLOT -->`` in ``template`` is a plot of a kept run. ``KeyError`` for an unknown place or run.
    """
    kept = {of.name: of.run for of in runs}

    def part(place: str) -> list[Block]:
        match place.split():
            case ["decisions"]:
                return [Shown(decision_table(measured), DECISION_CAPTION)]
            case ["figure", run, plot]:
                path = figures / f"{run}_{plot}.svg"
                save(draw(plot, kept[run]), path.with_suffix(""), formats=["svg"])
                return [Picture(path, CAPTIONS[plot].format(run))]
        raise KeyError(place)

    return fill(template, part)
