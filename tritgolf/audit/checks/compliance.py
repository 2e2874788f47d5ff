"""Our own runs by the contest's rules: bytes, time, seeds, data, network, causality, and sums that must come out."""

import math
from collections.abc import Iterator
from pathlib import Path

from tritgolf.audit.checks.registers import RESULTS_CHECKS
from tritgolf.audit.contest import BYTE_LIMIT, SECONDS_LIMIT
from tritgolf.audit.listing import first_differences
from tritgolf.audit.results import Results
from tritgolf.errors import InputError
from tritgolf.evaluate.no_network import BLOCKED
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge
from tritgolf.report.metrics import SeedRun

FINAL = "final"


@RESULTS_CHECKS("compliance.seeds", "every configured seed was run, and the runs differ")
def seeds_are_all_there(results: Results) -> Outcome:
    """Proves that the table's seeds are the configured ones and that no run stands in for another.

    Two seeds with the same loss and score to the last bit are one run counted twice.
    """
    wanted, evaluated = results.run.facts.seeds, [s for s in results.run.seeds if s.trained and s.evaluated]
    if not evaluated:
        return cant_tell("no seed has been trained and evaluated")
    missing = sorted(set(wanted) - {seed.seed for seed in evaluated})
    if missing:
        return contradicted(f"configured {list(wanted)}; not evaluated: {missing}")
    distinct = {(s.train.final_loss, s.evaluate.headline.nats) for s in evaluated}
    return judge(
        len(distinct) == len(evaluated), f"seeds {[s.seed for s in evaluated]}, {len(distinct)} different runs"
    )


@RESULTS_CHECKS("compliance.bytes", "code and artifact fit the limit")
def bytes_fit(results: Results) -> Outcome:
    """Proves that each seed's final artifact, as large as its file is on disk, and the code fit 16,000,000 bytes."""
    sizes, wrong = [], []
    for seed in results.run.seeds:
        own = results.setting("export", "own_storage")
        stored = seed.exports[FINAL].storages.get(own) if FINAL in seed.exports else None
        if stored is None:
            continue
        total = stored.bytes + seed.exports[FINAL].code_bytes
        sizes.append(total)
        file = results.path / f"seed{seed.seed}" / FINAL / "export" / Path(stored.file).name
        if file.is_file() and file.stat().st_size != stored.bytes:
            wrong.append(
                f"{file.name} of seed {seed.seed} has {file.stat().st_size:,} bytes, recorded {stored.bytes:,}"
            )
        if total > BYTE_LIMIT:
            wrong.append(f"seed {seed.seed}: {total:,} bytes")
    if not sizes:
        return cant_tell("no export of the final checkpoint")
    return judge(not wrong, "; ".join(wrong) or f"largest total {max(sizes):,} of {BYTE_LIMIT:,} bytes")


@RESULTS_CHECKS("compliance.time", "training took at most 600 s")
def time_fits(results: Results) -> Outcome:
    """Proves that each seed trained within the contest's time; a record without a time budget is not judged."""
    times = {s.seed: s.train.training_seconds for s in results.run.seeds if s.trained}
    if not times:
        return cant_tell("no seed has been trained")
    longest = max(times.values())
    if results.setting("train", "seconds") is None:
        return cant_tell(f"{longest:,.1f} s at most, and the record has no time budget")
    over = [f"seed {seed}: {seconds:.3f} s" for seed, seconds in times.items() if seconds > SECONDS_LIMIT]
    return judge(not over, "; ".join(over) or f"{longest:.3f} s at most")


@RESULTS_CHECKS("compliance.disjoint", "no validation document is in the training text")
def documents_are_disjoint(results: Results) -> Outcome:
    """Proves, by reading the corpus again, that no document is in both splits (SHA-256 of each document)."""
    if not (results.corpus / "corpus.json").is_file():
        return cant_tell(f"no corpus at {results.corpus}")
    from tritgolf.data.corpus import SPLITS, load_corpus, split_file, verify_corpus  # noqa: PLC0415  (slow to import)

    if not all(split_file(results.corpus, split).is_file() for split in SPLITS):
        return cant_tell(f"the text of {results.corpus} is not here")

    try:
        verify_corpus(results.corpus)
        splits = load_corpus(results.corpus)["splits"]
    except InputError as error:
        return contradicted(str(error))
    counts = ", ".join(f"{split['documents']:,} {name}" for name, split in splits.items())
    return holds(f"{counts} documents, all different")


@RESULTS_CHECKS("compliance.network", "no network was used in evaluation")
def network_was_blocked(results: Results) -> Outcome:
    """Proves that every evaluation ran under the guard that forbids non-loopback sockets (``audit.network``)."""
    evaluated = [seed.seed for seed in results.run.seeds if seed.evaluated]
    told = [(results.raw("evaluate", seed).get("provenance") or {}).get("network") for seed in evaluated]
    if not evaluated or None in told:
        return cant_tell("no evaluation" if not evaluated else "the evaluation doesn't say whether it was guarded")
    return judge(all(word == BLOCKED for word in told), f"network: {', '.join(map(str, told))}")


@RESULTS_CHECKS("compliance.causal", "no score depends on later text")
def scores_are_causal(results: Results) -> Outcome:
    """Proves that the causality probe (``evaluate.probe``) was run on each evaluation's methods and flagged none.

    A method that scores targets again is flagged too.
    """
    scored = [
        (f"seed {seed.seed} {name}", method.causality, method.mark)
        for seed in results.run.seeds
        if seed.evaluated
        for name, method in seed.evaluated.methods.items()
    ]
    probed = [(what, causality, mark) for what, causality, mark in scored if causality]
    flagged = [f"{what}: {causality.reason}" for what, causality, mark in probed if mark]
    if flagged:
        return contradicted("; ".join(flagged))
    if not scored or len(probed) < len(scored):
        return cant_tell("the evaluation was not probed" if scored else "no evaluation")
    open_ = [f"{what}: {causality.reason}" for what, causality, _ in probed if causality.causal is None]
    return cant_tell("; ".join(open_)) if open_ else holds(f"{len(probed)} scores probed, no leak")


@RESULTS_CHECKS("compliance.accounting", "BPB is nats / ln 2 × tokens / bytes")
def bpb_comes_out(results: Results) -> Outcome:
    """Proves that each BPB is that of its own nats, tokens and bytes, and each gap the difference of its two scores."""
    wrong, compared = [], 0
    for seed in results.run.seeds:
        for what, stated, right in _sums(seed):
            compared += 1
            if not math.isclose(stated, right, rel_tol=1e-9, abs_tol=1e-12):
                wrong.append(f"seed {seed.seed} {what}: {stated} is not {right}")
    if not compared:
        return cant_tell("no evaluation and no roundtrip")
    return judge(not wrong, first_differences(wrong) or f"{compared} sums come out")


def _sums(seed: SeedRun) -> Iterator[tuple[str, float, float]]:
    """(what, stated, right) for every derived figure of a seed."""
    if seed.evaluated:
        for name, score in seed.evaluated.methods.items():
            yield f"{name} bpb", score.bpb, score.nats / math.log(2) * score.tokens_scored / score.bytes
    for checkpoint, roundtrip in seed.roundtrips.items():
        for name, reloaded in roundtrip.storages.items():
            yield f"{checkpoint} {name} gap", reloaded.gap_bpb, reloaded.bpb - roundtrip.trained.bpb


@RESULTS_CHECKS("compliance.parameters", "the parameter count is that of the configuration")
def parameters_are_the_configurations(results: Results) -> Outcome:
    """Proves that the trained model has as many parameters as its configuration makes."""
    from tritgolf.config.models import of_its_kind  # noqa: PLC0415
    from tritgolf.model.counts import parameter_counts  # noqa: PLC0415

    counted = {seed.train.parameters.get("trained") for seed in results.run.seeds if seed.trained}
    try:
        right = parameter_counts(of_its_kind(results.setting("model")))["trained"]
    except ValueError:
        return cant_tell("the configuration is another version's")
    if not counted:
        return cant_tell("no seed has been trained")
    return judge(counted == {right}, f"counted {counted}, the configuration makes {right:,}")
