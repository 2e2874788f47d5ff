"""The notes under a table: how its figures are counted, and what they were made from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from tritgolf.config.types import ByteCounting
from tritgolf.outcome import NOT_CAUSAL, TWICE
from tritgolf.report.columns import (
    WINDOWS,
    adapts,
    always,
    has_temperature,
    is_ternary,
    marked,
    methods_of,
    pure_counting,
    shown_windows,
    slides,
)
from tritgolf.report.hardware import machines_note
from tritgolf.report.runs import Run
from tritgolf.report.schemas import Provenance
from tritgolf.report.statistics import format_mean_std, format_value, mean

NOT_RAW = (
    "Bytes are counted as the published code does: those of the tokens' pieces, of normalized text. The raw bytes of "
    "this text are not known: its shards have no byte counts."
)

NOT_MEASURED = "*Not measured yet: no run of it is kept.* {}"  # in place of a part, with what would make it


@dataclass(frozen=True)
class Note:
    """A note under the table of seeds: ``text`` of the run and its ``seed_frame``."""

    text: Callable[[Run, pd.DataFrame], str]
    applies: Callable[[Run], bool] = always


def headline_notes(run: Run, seeds: pd.DataFrame) -> tuple[str, ...]:
    """How the seed table's figures are counted; ``seeds``: its ``seed_frame``. Notes without a text are left out."""
    texts = (note.text(run, seeds) for note in NOTES if note.applies(run))
    return tuple(text for text in texts if text)


def in_headline(run: Run) -> ByteCounting:
    """Which bytes a record's headline BPB divide by, where both are known."""
    return run.facts.headline_bytes


def made_from(runs: Sequence[Run], shown: Callable[[Run], ByteCounting] = lambda _: "raw") -> tuple[str, ...]:
    """What made the figures: per record its mode and text, hardware, versions, code and the files read.

    ``shown``: the bytes that BPB are shown by, where both countings are known.
    """
    return tuple(
        f"{run.facts.name} ({run.facts.source}): {_mode(run)}, text {run.facts.dataset}{counting(run, shown(run))}; "
        f"{_listed(source.provenance.machine for source in run.sources)}; "
        f"torch {_listed(source.provenance.versions.get('torch', 'unknown') for source in run.sources)}; "
        f"code {_listed(_code(source.provenance) for source in run.sources)}; from {_listed(_patterns(run))}."
        f"{_laid_over(run)}"
        for run in runs
    )


def _mode(run: Run) -> str:
    return run.facts.label if run.facts.rounds_weights else f"{run.facts.label} mode"


def counted_in_words(run: Run, seeds: pd.DataFrame) -> str:
    """Which bytes a record's headline BPB divide by: ``raw``, ``published``, or that the raw ones are not known."""
    if run.facts.headline_bytes == "published":
        return "published"
    known = (seeds["byte_counting"] == "raw").all()
    return "raw" if known else "published (raw not known)"


def _weights_note(run: Run, seeds: pd.DataFrame) -> str:
    """How val and RT BPB are counted, and what the other counting makes of val BPB."""
    pure = f"val_{pure_counting(run.facts)}"
    shown, other = ("val_record_bpb", pure) if run.facts.headline_z_loss else (pure, "val_record_bpb")
    countings = {pure: "pure cross-entropy", "val_record_bpb": "cross-entropy plus the z-loss term, by published bytes"}
    as_published = ", as the published tables have them" if run.facts.headline_z_loss else ""
    weights = "averaged weights" if run.facts.averages_weights else "trained weights"
    return (
        f"Val BPB ({weights}), RT BPB (after export and reload) and RT gap = RT − val: {countings[shown]}"
        f"{as_published}. Val BPB as {countings[other]}: {format_mean_std(seeds[other].tolist(), 4)}."
    )


def _artifact_note(run: Run, seeds: pd.DataFrame) -> str:
    limit = format_value(seeds["byte_limit"].iloc[0], 0)
    code = format_value(seeds["code_bytes"].max(), 0)
    storage, layout = _listed(seeds["storage"]), _listed(seeds["layout"])
    fits = f"Fits: artifact plus {code} bytes of code is at most {limit} bytes."
    return f"Artifact: storage {storage}, layout {layout}. {fits}"


def _zeros_note(run: Run, seeds: pd.DataFrame) -> str:
    zeros = [f"{format_value(mean(seeds['zero_fraction']), 3)} of the stored trits"]
    if seeds["record_zero_fraction"].notna().all():
        zeros.append(f"{format_value(mean(seeds['record_zero_fraction']), 3)} as the published code counts")
    if run.facts.zero_fraction == "record":
        zeros.reverse()
    return f"Zero fraction: {'; '.join(zeros)}."


def _methods_note(run: Run, _: pd.DataFrame) -> str:
    return (
        f"{_listed(f'{name} BPB' for name in methods_of(run))}: pure cross-entropy of the reloaded artifact by the "
        "evaluation method of that name. Evaluation s: all methods together."
    )


def _leaks_note(run: Run, seeds: pd.DataFrame) -> str:
    """Which methods' scores are no valid ones, and why."""
    marks = {name: marked("", seeds, f"{name}_mark") for name in (*WINDOWS, *methods_of(run))}
    leaking, twice = ([name for name, mark in marks.items() if word in mark] for word in (NOT_CAUSAL, TWICE))
    probes = [seed.method(name).causality for seed in run.seeds for name in twice]
    again = sorted({probe.scored_again for probe in probes if probe} - {0})
    leaks = f"Not causal: {', '.join(leaking)}. Such a score uses the tokens that it predicts: it is no model's BPB."
    repeats = (
        f"Targets twice: {', '.join(twice)}. The windows at the end of the text score its last targets again: "
        f"{_listed(f'{count:,}' for count in again)} scores are of targets that had one."
    )
    return " ".join([*([leaks] if leaking else []), *([repeats] if twice else [])])


def _entropy_note(run: Run, seeds: pd.DataFrame) -> str:
    entropy = format_value(mean(seeds["unigram_entropy_bpb"] * _scale(run, seeds)), 4)
    return f"For scale: the unigram entropy of the validation tokens is {entropy} BPB."


def _bytes_note(run: Run, seeds: pd.DataFrame) -> str:
    """Which bytes these are, and what the other counting would make of the score of the network as it is."""
    if not (seeds["byte_counting"] == "raw").all():
        return NOT_RAW
    ratio = mean(seeds["raw_per_published_byte"])
    if run.facts.headline_bytes == "published":
        return (
            "Bytes are counted as the published code does: those of the tokens' pieces, of normalized text. The text "
            f"has {ratio:.4f} raw UTF-8 bytes for each of them{_otherwise(run, seeds, 'bpb', 'raw')}."
        )
    return (
        f"Bytes are the raw UTF-8 bytes of the text, {ratio:.4f} for each byte that the published code counts (those "
        f"of the tokens' pieces, of normalized text){_otherwise(run, seeds, 'bpb_published_bytes', 'published')}."
    )


def _otherwise(run: Run, seeds: pd.DataFrame, counting: str, of_bytes: str) -> str:
    """The score of the network as it is in the other ``counting``; nothing where only adapted ones were scored."""
    name = shown_windows(run)
    if not name:
        return ""
    score = marked(format_mean_std(seeds[f"{name}_{counting}"].tolist(), 4), seeds, f"{name}_mark")
    return f"; {name} BPB by {of_bytes} bytes: {score}"


def _scale(run: Run, seeds: pd.DataFrame) -> pd.Series:
    """What BPB by the counted bytes are multiplied with to be by those of the headline."""
    ratio = seeds["raw_per_published_byte"]
    return ratio if run.facts.headline_bytes == "published" else ratio * 0 + 1


def _temperature_note(run: Run, seeds: pd.DataFrame) -> str:
    """What the calibrated temperature would change, where it was really applied."""
    at_best = (seeds["sliding_bpb_at_best_temperature"] * _scale(run, seeds)).dropna()
    if at_best.empty:
        return ""
    best = ", ".join(f"{temperature:.2f}" for temperature in sorted(set(seeds["best_temperature"])))
    headline = list(run.seeds[0].methods)[-1]
    score = marked(format_mean_std(at_best, 4), seeds, f"{headline}_mark")
    return (
        f"All scores are at temperature 1. The best on training tokens is {best}; {headline} BPB there, which is what "
        f"a bundle claims: {score}."
    )


def counting(run: Run, shown: ByteCounting) -> str:
    """Which bytes BPB divide by, with the ratio of the two countings; nothing where no score was read."""
    countings = {score.byte_counting for score in run.trained_scores}
    if not countings:
        return ""
    if countings == {"published"}:
        return " (BPB by published bytes)"
    if countings != {"raw"}:
        return " (BPB by raw and by published bytes)"
    ratio = mean([score.raw_per_published_byte for score in run.trained_scores])
    if shown == "published":
        return f" (BPB by the bytes that the published code counts, {ratio:.4f} raw ones for each)"
    return f" (BPB by its raw bytes, {ratio:.4f} for each that the published code counts)"


def _laid_over(run: Run) -> str:
    """What of a run's settings is not the record's own, every one."""
    own = f" Not as the record has it: {', '.join(run.facts.laid_over)}."
    return own if run.facts.laid_over else ""


def _patterns(run: Run) -> list[str]:
    """The paths of a run's sources, one for all seeds and checkpoints."""
    patterns = []
    for source in run.sources:
        path = source.path.replace(f"seed{source.seed}/", "seed<k>/")
        patterns.append(path.replace(f"/{source.checkpoint}/", "/<checkpoint>/") if source.checkpoint else path)
    return patterns


def _code(made_by: Provenance) -> str:
    """``0.1.0 (commit 1f787b7, changed since; sources 3fa94c01)`` as far as it is known."""
    code = made_by.code
    facts = []
    if code.get("commit"):
        facts.append(f"commit {code['commit'][:7]}" + (", changed since" if code.get("dirty") else ""))
    if code.get("package_digest"):
        facts.append(f"sources {code['package_digest'].removeprefix('sha256:')[:8]}")
    return f"{code.get('tritgolf', 'unknown')}" + (f" ({'; '.join(facts)})" if facts else "")


def _listed(values: Iterable[object]) -> str:
    """The different values, sorted, in one line."""
    return ", ".join(sorted({str(value) for value in values}))


NOTES: Sequence[Note] = (
    Note(
        lambda _run, _seeds: (
            "BPB: bits per byte of validation text. Mean and std are over the seeds; std is the "
            "sample standard deviation (n − 1)."
        )
    ),
    Note(_bytes_note),
    Note(
        lambda _, seeds: (
            "Sliding BPB: pure cross-entropy of the reloaded artifact, windows "
            f"{_listed(seeds['stride'])} tokens apart."
        ),
        slides,
    ),
    Note(
        lambda _run, _seeds: (
            "Chunked BPB: pure cross-entropy of the reloaded artifact, windows side by side; none that overlap were "
            "scored."
        ),
        lambda run: shown_windows(run) == "chunked",
    ),
    Note(_weights_note),
    Note(_artifact_note),
    Note(_zeros_note, is_ternary),
    Note(lambda _, seeds: " ".join(machines_note(seeds))),
    Note(_temperature_note, has_temperature),
    Note(_methods_note, adapts),
    Note(_leaks_note),
    Note(_entropy_note),
)
