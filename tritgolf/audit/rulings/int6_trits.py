"""Rulings on #1722's ternary variants from kept experiments at a laptop's size: of low confidence, or open."""

from collections.abc import Iterable, Iterator, Sequence

from tritgolf.audit.claims import LOW, Claim, Published, Ruling
from tritgolf.audit.int6_measurements import Loss
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.rulings.measured import NOT_MEASURED
from tritgolf.outcome import cant_tell, judge
from tritgolf.report.statistics import format_mean_std
from tritgolf.report.tables import GAP_DECIMALS


def _all_ternary(losses: Sequence[Loss]) -> list[Loss]:
    """Those of models whose every block is ternary, as #1722's first version."""
    return [one for one in losses if one.model.qat and set(one.model.qat.roles) == {"attention", "mlp"}]


def _by_row(losses: Sequence[Loss]) -> Iterator[tuple[str, list[Loss]]]:
    for key in dict.fromkeys((one.experiment, one.what) for one in losses):
        yield key[1], [one for one in losses if (one.experiment, one.what) == key]


def lossless_export(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """Trits and FP32 scales of the forward pass, stored and reloaded as they are, err nowhere; the rest may."""
    exact = [one for one in _all_ternary(measured.int6.losses) if one.is_exact]
    if not exact:
        return Ruling.of(cant_tell(NOT_MEASURED))
    told = "; ".join(
        f"{what}: largest error of a ternary weight {max(one.largest_error for one in rows):.2g}, gap "
        f"{format_mean_std([one.gap for one in rows], GAP_DECIMALS, signed=True)}"
        for what, rows in _by_row(_all_ternary(measured.int6.losses))
    )
    errs = any(one.largest_error or one.trits_changed for one in exact)
    evidence = f"{told} BPB; what is left is of tables and vectors in FP16; of 0.9650 this says nothing"
    return Ruling.of(judge(not errs, evidence), LOW)


def ternary_mlp(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """What a ternary MLP costs by when its training on trits begins; how near is similar, the claim doesn't say."""
    rows = _hybrids(measured.int6.losses)
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    (first, baseline), *others = rows
    base = {one.seed: one.bpb for one in baseline}
    told = _means((what, [one.bpb - base[one.seed] for one in of]) for what, of in others)
    return Ruling.of(
        cant_tell(f'{_size(baseline)}, less "{first}": {told}; how near is similar the claim doesn\'t say')
    )


def export_bug(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """An export without that fault costs much, too, where no MLP trained on trits; how much theirs, isn't known."""
    rows = _hybrids(measured.int6.losses)
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    told = _means((what, [one.gap for one in of]) for what, of in rows)
    return Ruling.of(cant_tell(f"{_size(rows[0][1])}, gap by one export: {told}; at the stated size it isn't known"))


def _hybrids(losses: Sequence[Loss]) -> list[tuple[str, list[Loss]]]:
    """Rows of the experiments that have a ternary MLP beside other matrices."""
    having = {one.experiment for one in losses if one.model.qat and one.model.qat.roles == ("mlp",)}
    return list(_by_row([one for one in losses if one.experiment in having]))


def _size(rows: Sequence[Loss]) -> str:
    return f"at a laptop's size ({rows[0].experiment}, {len(rows)} seeds)"


def _means(rows: Iterable[tuple[str, list[float]]]) -> str:
    return ", ".join(f"{what} {format_mean_std(each, GAP_DECIMALS, signed=True)}" for what, each in rows) + " BPB"
