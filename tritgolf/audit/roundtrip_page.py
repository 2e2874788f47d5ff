"""What the report's page adds to the paper: the tables of every run that was kept.

The prose is ``captions/roundtrip_page.md``; what is measured is set in where it says so.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from tritgolf.audit.claims import Entry
from tritgolf.audit.ledger import verdicts
from tritgolf.audit.measurements import Effect, Measurements, Zeros
from tritgolf.audit.rulings.measured import LONG
from tritgolf.files import read_json
from tritgolf.report.catalogue import TABLES, draw
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.experiments import FILE as EXPERIMENT
from tritgolf.report.experiments import load_experiment, settings_of
from tritgolf.report.laboratory import laboratory_checkpoints
from tritgolf.report.metrics import Run, SeedRun, load_run
from tritgolf.report.notes import made_from
from tritgolf.report.pages import Block, Picture, Shown, fill
from tritgolf.report.rendering import Table
from tritgolf.report.restorations import read_restorations, restoration_table
from tritgolf.report.statistics import NOT_KNOWN, format_value, format_with_error
from tritgolf.report.style import save
from tritgolf.report.tables import GAP_DECIMALS

CLAIMS = ("c05", "c06", "c11", "c18", "c19", "c22", "r02", "r05", "r11")
# (column, factor, setting, baseline): storage decisions, each compared with everything else as it is in the record
DECISIONS = (
    ("FP16 less BF16 scales", "scales", "float16", "bfloat16"),
    ("BF16 less FP32 scales", "scales", "bfloat16", "float32"),
    ("mixes, e4m3 less BF16", "mixes", "e4m3", "bfloat16"),
    ("table, e4m3 less BF16", "table", "e4m3", "bfloat16"),
    ("trits decided anew, less forward", "decide", "master", "forward"),
    ("trits by FP16 scales, less forward", "decide", "forward_float16", "forward"),
    ("reload in BF16 less FP32", "reload_dtype", "bfloat16", "float32"),
)
TITLE = "The roundtrip laboratory"


@dataclass(frozen=True)
class Kept:
    """A kept run and the name of its folder."""

    name: str
    run: Run


def read_kept(folder: Path) -> list[Kept]:
    """All runs kept in ``folder``, by name."""
    return [Kept(path.parent.name, load_run(path.parent)) for path in sorted(folder.glob("*/record.json"))]


def figure_names(kept: Kept) -> list[str]:
    """The plots that a run has measurements for; of the gap's two over training, the laboratory's if it has several.

    A model that is stored as it was trained, without any gap, has nothing to take apart, and one checkpoint no course.
    """
    checkpoints, run = laboratory_checkpoints(kept.run), kept.run
    names = ["waterfall"] if any(_loses(seed) for seed in run.seeds) else []
    if len(checkpoints) > 1:
        names += ["gap_length"]
    elif any(len(seed.roundtrips) > 1 for seed in run.seeds):
        names += ["rt_gap"]
    return names + ["probes"] * any(seed.probes for seed in run.seeds)


def _loses(seed: SeedRun) -> bool:
    """Whether the record's own storage has a gap in any of the seed's laboratories."""
    rows = (laboratory.row("own") for laboratory in seed.laboratories.values())
    return any(row is not None and row.gap_bpb != 0 for row in rows)


def roundtrip_page(
    template: str,
    runs: Sequence[Kept],
    measured: Measurements,
    entries: Sequence[Entry],
    folder: Path,
    figures: Path,
) -> list[Block]:
    """The page's blocks; writes the figures it shows as ``figures``/RUN_PLOT.svg.

    ``folder``: where ``runs`` were kept, with experiments and, in ``artifacts``, ``tritgolf laboratory``'s JSON files.
    """
    of_runs: list[Block] = []
    for kept in runs:
        if any(seed.roundtrips or seed.laboratories for seed in kept.run.seeds):
            of_runs += _run_blocks(kept, figures)
    parts: dict[str, Sequence[Block]] = {
        "runs": of_runs,
        "zeros": [Shown(zeros_table(measured), ZEROS_CAPTION), *_zeros_pictures(runs, figures)],
        "experiments": _experiment_blocks(folder),
        "artifacts": _artifact_blocks(folder / "artifacts"),
        "verdicts": [Shown(verdict_table(entries), VERDICT_CAPTION)],
    }
    return fill(template, parts.__getitem__)


def decision_table(measured: Measurements) -> Table:
    """A row a kept run at its last step, a column a storage decision: what it changes in the gap of these weights."""
    found = {column: measured.last_effects(factor, *settings) for column, factor, *settings in DECISIONS}
    frame = pd.DataFrame(
        [
            {
                "run": effect.row.run,
                "estimator": effect.row.estimator,
                "seed": effect.row.seed,
                "step": effect.row.step,
                "storage": effect.row.storage,
                "decision": column,
                "difference_bpb": effect.difference,
                "difference_se_bpb": effect.error,
            }
            for column, effects in found.items()
            for effect in effects.values()
        ]
    )
    rows = []
    weights = {(gap.run, gap.seed): gap for gap in sorted(measured.gaps, key=lambda gap: gap.step)}  # the last step's
    for (run, seed), last in sorted(weights.items()):
        row = {"run": run, "mode": measured.modes.get(run, NOT_KNOWN), "scales": last.estimator, "seed": str(seed)}
        row["steps"] = format_value(last.step, 0)
        for column, effects in found.items():
            row[column] = _effect(effects.get((run, seed)))
        rows.append(row)
    return Table("What each storage decision costs", frame, pd.DataFrame(rows), (), left=("run", "mode", "scales"))


def zeros_table(measured: Measurements) -> Table:
    """A row a kept run and seed: zeros at its first and last kept checkpoints, true and by the record's count."""
    runs: dict[tuple[str, int], list[Zeros]] = {}
    for zeros in sorted(measured.zeros, key=lambda row: (row.run, row.seed, row.step)):
        runs.setdefault((zeros.run, zeros.seed), []).append(zeros)
    rows = []
    for (run, seed), checkpoints in runs.items():
        ends = list(dict.fromkeys((checkpoints[0], checkpoints[-1])))
        row = {"run": run, "mode": measured.modes.get(run, NOT_KNOWN), "scales": ends[0].estimator, "seed": str(seed)}
        row["steps"] = " → ".join(format_value(end.step, 0) for end in ends)
        row["true zero fraction"] = " → ".join(format_value(end.true, 4) for end in ends)
        row["1/(1 − z)"] = " → ".join(format_value(1 / (1 - end.true), 3) for end in ends)
        row["by the record's count"] = " → ".join(format_value(end.record, 4) for end in ends)
        rows.append(row)
    frame = pd.DataFrame([asdict(zeros) for zeros in measured.zeros])
    return Table("Zeros over training", frame, pd.DataFrame(rows), (), left=("run", "mode", "scales"))


def verdict_table(entries: Sequence[Entry]) -> Table:
    """The claims about the roundtrip with their verdicts, from the ledger."""
    frame = pd.DataFrame(
        [
            {
                "": of.claim.id,
                "claim": of.claim.text,
                "by logs": of.by_logs,
                "by measurement": of.by_measurement,
                "together": of.together,
            }
            for of in verdicts(entries)
            if of.claim.id in CLAIMS
        ]
    )
    return Table("Verdicts", frame, frame, (), left=tuple(frame.columns))


DECISION_CAPTION = (
    "Difference of two gaps of the same weights that differ in this decision alone, all else as in the record (or, "
    "where no such pair was measured, as in the pair with the least error), ± its standard error: paired over windows "
    "where one of the two is the record's own storage, else estimated from both gaps' errors. — where a run has no "
    "pair. In bits per published byte, whichever a run divides by. Modes are told by `record.json`, not by names."
)
ZEROS_CAPTION = (
    "At the first and the last checkpoint that was kept. The record counts with the absmean rule whatever the "
    "estimator, over all matrices, an unused one as all nonzero: on a model with rms scales its count may fall while "
    "zeros rise."
)
VERDICT_CAPTION = (
    "Verdict and confidence, from the claims ledger, `docs/claims.md`, which has the evidence of each. Disputed: one "
    "holds, the other contradicts. Open in part: one holds, the other can't tell yet."
)


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return NOT_KNOWN
    return format_with_error(effect.difference, effect.error, GAP_DECIMALS)


def _run_blocks(kept: Kept, figures: Path) -> list[Block]:
    run = kept.run
    blocks: list[Block] = [f"### `{kept.name}`", f"{run.facts.heading}. {' '.join(made_from([run]))}"]
    for plot in figure_names(kept):
        save(draw(plot, run), figures / f"{kept.name}_{plot}", formats=["svg"])

    def picture(plot: str, caption: str) -> Picture:
        return Picture(figures / f"{kept.name}_{plot}.svg", caption)

    if laboratory_checkpoints(run):
        for name, plot, caption in LABORATORY_PARTS:
            table = TABLES[name](run)
            blocks += [Shown(table, " ".join(table.notes[:2]))]
            blocks += [picture(plot, caption)] if plot in figure_names(kept) else []
    if "gap_length" not in figure_names(kept) and any(seed.roundtrips for seed in run.seeds):
        table = TABLES["roundtrip"](run)
        blocks += [Shown(table, " ".join(table.notes[:2]))]
    if "rt_gap" in figure_names(kept):
        blocks += [picture("rt_gap", "Roundtrip gap at each checkpoint.")]
    if "probes" in figure_names(kept):
        table = TABLES["mechanisms"](run)
        caption = "What pushing each mechanism does to the gap; the dashed line is where it counts as broken."
        blocks += [Shown(table, " ".join(table.notes[:2])), picture("probes", caption)]
    return blocks


LABORATORY_PARTS = (
    ("decomposition", "waterfall", "From no gap to the record's, decision by decision; the remainder is what is left."),
    ("training_length", "gap_length", "Gap, the part of the scales' format in it, and zeros, over training."),
    ("laboratory", "", ""),
)


def _zeros_pictures(runs: Sequence[Kept], figures: Path) -> list[Block]:
    """Zeros by layer over the training of the long runs."""
    pictures: list[Block] = []
    for kept in runs:
        if any(seed.log and seed.log[-1].step >= LONG and seed.log[-1].zero_fraction for seed in kept.run.seeds):
            path = figures / f"{kept.name}_zero_fraction"
            save(draw("zero_fraction", kept.run), path, formats=["svg"])
            pictures.append(Picture(path.with_suffix(".svg"), f"`{kept.name}`: zeros by layer over training."))
    return pictures


def _experiment_blocks(folder: Path) -> list[Block]:
    """The table of every experiment kept that has rows against a baseline: changes of training and export."""
    blocks: list[Block] = []
    kept = sorted(folder.glob(f"*/{EXPERIMENT}"))
    for path in [path for path in kept if settings_of(path).kind == "rows"]:
        table = experiment_table(*load_experiment(path.parent))
        blocks += [f"### `{path.parent.name}`: {table.title}", Shown(table, " ".join(table.notes[:2]))]
    return blocks or ["None was kept."]


def _artifact_blocks(folder: Path) -> list[Block]:
    blocks: list[Block] = []
    for path in sorted(folder.glob("*.json")):
        table = restoration_table(read_restorations(read_json(path), path))
        blocks += [f"### `{path.stem}`", Shown(table, " ".join(table.notes))]
    return blocks or ["None was kept."]
