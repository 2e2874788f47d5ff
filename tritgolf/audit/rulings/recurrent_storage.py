"""Rulings on what #1716 says of its stored tensors: the bigram table, the 8-bit control tensors, GPTQ."""

import math
from collections.abc import Iterable

from tritgolf.audit.claims import HIGH, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.recurrent_facts import RecurrentRun, RecurrentRuns
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.recurrent import MERGED, on_runs
from tritgolf.audit.rulings.recurrent_model import model_of
from tritgolf.audit.rulings.recurrent_settings import all_settings
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.outcome import cant_tell, contradicted, judge
from tritgolf.parameters import Parameter
from tritgolf.report.statistics import format_value, mean

CONTROL, SMALL = "pertensor int8 (control)", "simple int8 (small matrix)"  # as the logs call the 8-bit tensors
FP16_BYTES, INT8_LARGEST = 2, 127
FP16_SCALE_BYTES, FP32_SCALE_BYTES = 2, 4  # one a row of a small matrix, one a control tensor


def _bigram_numbers(run: RecurrentRun, width: float | None = None) -> int:
    """Numbers in the bigram table of a run's settings, or of another width; 0 where it has none."""
    return int((run.setting("bigram_vocab_size") or 0) * (width or run.setting("bigram_dim") or 0))


@on_runs(MERGED)
def bigram_regularizes(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """A table that does anything holds numbers, and the artifact has bytes for them.

    Held against #1493's artifact, which has no such table, at the bits a number that it takes. All bytes that the
    control tensors take in FP16 are granted to what #1716 may have saved on them.
    """
    run, merged = runs.runs[0], published.recurrent(MERGED)
    numbers, before = _bigram_numbers(run), mean(merged.numbers("artifact_bytes"))
    if not numbers or _bigram_numbers(merged.runs[0]):
        return Ruling.of(cant_tell("not one system with the table and one without"))
    bits = 8 * before / merged.runs[0].numbers["parameters"]
    size, saved = numbers * bits / 8, _bytes_of_passthrough(run)[0]
    grown = mean(runs.numbers("artifact_bytes")) - before
    change = format_value(grown, 0, signed=True)
    evidence = (
        f"the table's {numbers:,} numbers would take {size:,.0f} bytes at #1493's {bits:.2f} bits a number; the "
        f"artifact differs by {change} bytes from #1493's, which has no table; 8-bit control tensors can have saved "
        f"{saved:,} at most: if all else compresses alike, there is no room for a table whose numbers differ, and one "
        "of equal numbers regularizes nothing"
    )
    return Ruling.of(contradicted(evidence) if grown + saved < size else cant_tell(evidence), MEDIUM)


@on_runs()
def bigram_frees(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """Raw, a narrower table frees the stated bytes, one a number; compressed no log has the wider one."""
    run, wide = runs.runs[0], claim.number(r"instead of (\d+)")
    raw, packed = claim.number(r"about (\d+) KB of raw"), claim.number(r"(\d+) KB compressed")
    if not (wide and raw and packed):
        return Ruling.of(cant_tell("no width or no bytes stated"))
    freed = _bigram_numbers(run, wide.value) - _bigram_numbers(run)
    right = judge(round(freed / 1000) == raw.value, f"{freed:,} numbers of one byte are freed")
    if not freed:
        return Ruling.of(right)
    bits = 8000 * packed.value / freed
    unknown = cant_tell(
        f"{right.evidence}; compressed no log has the wider table; {packed} KB would be {bits:.2f} bits a number, as "
        "of a table of equal numbers"
    )
    return Ruling.of(all_of(right, unknown))


def _passthrough(run: RecurrentRun) -> Iterable[tuple[str, Parameter]]:
    """The parameters that a run's log lists as stored in 8 bits without GPTQ, all layers of each."""
    listed = {name: kind for kind in (CONTROL, SMALL) for name in run.kinds.get(kind, ())}
    for name, parameter in transformer_parameters(model_of(run)).items():
        first, _, rest = name.partition(".")
        of_all_layers = f"{first}.{rest.partition('.')[2]}" if first == "blocks" else name
        if of_all_layers in listed:
            yield listed[of_all_layers], parameter


def _bytes_of_passthrough(run: RecurrentRun) -> tuple[int, int]:
    """Bytes before compression of these tensors: in FP16, and in 8 bits with their scales."""
    half = packed = 0
    for kind, parameter in _passthrough(run):
        half += FP16_BYTES * parameter.size
        scales = FP32_SCALE_BYTES if kind == CONTROL else FP16_SCALE_BYTES * parameter.shape[0]
        packed += parameter.size + scales
    return half, packed


@on_runs()
def passthrough_saves(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """What the 8-bit control tensors save compressed, and cost, only a run without them could tell; their bytes do."""
    half, packed = _bytes_of_passthrough(runs.runs[0])
    if not half:
        return Ruling.of(cant_tell("the logs list no such tensors"))
    saved, took = claim.number(r"about (\d+) KB of artifact"), claim.number(r"of about (\d+) KB that")
    told = f"{half // FP16_BYTES:,} numbers: {half:,} bytes in FP16, {packed:,} in 8 bits, {half - packed:,} less"
    if saved and took:
        told += f", before compression; stated: {took} KB compressed in FP16, of which {saved} KB are saved"
    return Ruling.of(cant_tell(f"{told}; no log of a run without it"))


@on_runs(MERGED)
def passthrough_makes_it_fit(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """Without what it saves by the README, the totals are as far over as stated; and nobody fits 8 bits without it."""
    over_by = claim.number(r"about (\d+) KB over")
    saves = next((other.number(r"about (\d+) KB of artifact") for other in published.claims if other.id == "s11"), None)
    merged = published.recurrent(MERGED)
    others = [run for run in merged.runs if run.setting("embed_bits") == 8 and CONTROL not in run.kinds]
    if not over_by or not saves:
        return Ruling.of(cant_tell("no bytes stated"))
    without = mean(runs.numbers("total_bytes")) + 1000 * saves.value - BYTE_LIMIT
    agrees = judge(
        abs(without / 1000 - over_by.value) <= 5,
        f"with the {saves} KB that it saves by the README the mean total would be {without:,.0f} bytes over, "
        f"stated {over_by} KB",
    )
    sizes = [run.numbers["total_bytes"] for run in others]
    fits = sizes and max(sizes) <= BYTE_LIMIT
    alone = judge(
        not fits,
        f"#1493 fits with 8-bit embeddings without it: {min(sizes):,} to {max(sizes):,} bytes" if fits else "none fits",
    )
    return Ruling.of(all_of(agrees, alone), MEDIUM)


@on_runs()
def passthrough_error(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """Rounding to 127 steps errs by less than stated, and all of these tensors have one dimension.

    The rms of rounding to a grid is its step over √12 where numbers lie spread over steps; relative to the largest
    number it is least.
    """
    limit = claim.number(r"below (\d+e-\d+)")
    shapes = {parameter.shape for kind, parameter in _passthrough(runs.runs[0]) if kind == CONTROL}
    if not shapes or limit is None:
        return Ruling.of(cant_tell("no control tensors listed, or no error stated"))
    flat = sorted(shape for shape in shapes if len(shape) > 1)
    error = 1 / INT8_LARGEST / math.sqrt(12)
    return Ruling.of(
        all_of(
            judge(not flat, f"two dimensions: {', '.join('×'.join(map(str, shape)) for shape in flat)}"),
            judge(
                error < limit.value,
                f"rounding to {INT8_LARGEST} steps errs by {error:.2%} of the largest number (rms), whatever the "
                f"scale; squared that is {error**2:.1e}",
            ),
        ),
        HIGH if flat else MEDIUM,
    )


@on_runs()
def gptq_settings(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated clips and bits are the settings', and as many Hessians were collected as tensors are so rounded."""
    run = runs.runs[0]
    (k6, bits6), (k8, bits8) = (
        (claim.number(rf"({number}) at int"), claim.number(rf"{number} at int(\d)")) for number in (r"\d+\.\d+", r"20")
    )
    if not (k6 and bits6 and k8 and bits8):
        return Ruling.of(cant_tell("no clip stated"))
    rows = transformer_parameters(model_of(run)).values()
    matrices = sum(row.is_quantized or row.role == "embedding" for row in rows)
    return Ruling.of(
        all_of(
            all_settings(
                run,
                {
                    "matrix_clip_sigmas": k6.value, "matrix_bits": bits6.value,
                    "embed_clip_sigmas": k8.value, "embed_bits": bits8.value,
                },
            ),
            judge(run.numbers["hessians"] == matrices, f"{run.numbers['hessians']} Hessians for {matrices} matrices"),
        )
    )  # fmt: skip
