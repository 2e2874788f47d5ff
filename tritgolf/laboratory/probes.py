"""Each mechanism that could open a roundtrip gap, pushed by itself until it does; everything else stays lossless.

* ``shift``: the numbers of one kind are stored 2^k times as large (and scaled back after reload): what the format's
  range does, nothing else. A power of two is exact, so without subnormals and saturation every k would score alike.
* ``crowding``: the weights between 0 and one scale are pushed towards the threshold, half a scale, to 2^-k of their
  distance, with trits and threshold kept. What deciding trits again in another precision then flips.
* ``zeros``: the smallest weights of every group are set to zero until a share z is. What shrinkage correction and BF16
  reload then do to the scales: the "1/(1 − z) amplification" that the published text blames, isolated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from tritgolf.artifact.kinds import PAYLOAD_KIND, kind_of
from tritgolf.artifact.rounding import round_trits
from tritgolf.artifact.storage import Restored
from tritgolf.config.model import TernaryConfig
from tritgolf.config.storage import TritsConfig
from tritgolf.config.types import Decide, ScaleFormat
from tritgolf.evaluate.score import WindowNats
from tritgolf.laboratory.bench import Bench
from tritgolf.laboratory.grid import ProbeConfig
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.formats import round_to
from tritgolf.quantize.plan import quantize_all, quantizer_of
from tritgolf.quantize.ternary import TernaryQuantizer, shrinkage_corrected

# (kind of number, format): scales in BF16 are the control, whose range is FP32's.
SHIFTED: tuple[tuple[str, ScaleFormat], ...] = (
    ("scales", "float16"),
    ("scales", "bfloat16"),
    ("scales", "e4m3"),
    ("table", "e4m3"),
    ("projections", "e4m3"),
    ("mixes", "e4m3"),
    ("vectors", "float16"),
)
DECIDED: tuple[Decide, ...] = ("master", "master_bfloat16")
RELOADED: tuple[ScaleFormat, ...] = ("float16", "bfloat16")
FIXED_POINT_STEPS = 40

Parameter = Literal["shift", "crowding", "zeros"]


@dataclass(frozen=True)
class Point:
    """One setting of a probe. ``relative_error``: ‖reloaded − trained‖ / ‖trained‖ of the numbers that are probed."""

    at: float
    gap_bpb: float
    gap_se: float
    relative_error: float
    trits_changed: int

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return dict(vars(self))


def probe_all(bench: Bench, probes: ProbeConfig) -> list[dict[str, Any]]:
    """All mechanisms: what was pushed, its points in order, and where it breaks (``below``, ``above``; null: nowhere).

    It is broken where the gap is further than ``probes.break_bpb`` from that of the mildest setting, on either side: a
    model that was trained little may even gain.
    """
    found = []
    for kind, number_format in SHIFTED:
        points = explore(probes.shifts, partial(_shift, bench, kind, number_format), probes.break_bpb)
        found.append(_mechanism("shift", kind, number_format, points, 0, probes.break_bpb))
    crowds = {at: _crowd(bench, at) for at in probes.crowding}
    for decide in DECIDED:
        points = [_flips(bench, *crowds[at], decide, at) for at in probes.crowding]
        found.append(_mechanism("crowding", "trits", decide, points, points[0].at, probes.break_bpb))
    pruned = {at: _prune(bench, at) for at in probes.zeros}
    for number_format in RELOADED:
        points = [_reload(bench, *pruned[at], number_format, at) for at in probes.zeros]
        found.append(_mechanism("zeros", "reload", number_format, points, points[0].at, probes.break_bpb))
    return found


def explore(settings: Sequence[int], measure: Callable[[int], Point], break_bpb: float) -> list[Point]:
    """``measure`` at all ``settings`` (0 among them), and between the last sound and the first broken, to 1 apart."""
    points = {at: measure(at) for at in sorted(settings)}
    for side in (-1, 1):
        outward = sorted((at for at in points if at * side >= 0), key=abs)
        broken = next((at for at in outward if _is_broken(points[at], points[0], break_bpb)), None)
        if broken is None:
            continue
        sound = outward[outward.index(broken) - 1]
        while abs(broken - sound) > 1:
            middle = (broken + sound) // 2
            points[middle] = measure(middle)
            if _is_broken(points[middle], points[0], break_bpb):
                broken = middle
            else:
                sound = middle
    return [points[at] for at in sorted(points)]


def crowded(weight: Tensor, quantizer: TernaryConfig, halvings: float) -> Tensor:
    """``weight`` (rows, columns) with those below one scale 2^-halvings as far from the threshold, FP32.

    The threshold is half of the *new* scale, found by iteration, so an FP32 weight stays on its side of it. The
    quantizer may round it across; deciding anew does not.
    """
    if halvings == 0:
        return weight.float()
    grid = TernaryQuantizer.of(quantizer)
    scale = grid.grid_scale(weight).unsqueeze(-1)
    grouped = weight.float().reshape(*scale.shape[:2], -1)
    magnitude, squeeze = grouped.abs(), 2.0**-halvings
    relative = magnitude / scale
    inside = relative < 1
    for _ in range(FIXED_POINT_STEPS):
        pushed = torch.where(inside, scale * (0.5 + (relative - 0.5) * squeeze), magnitude)
        scale = grid.grid_scale(pushed.reshape(weight.shape)).unsqueeze(-1)
    return (pushed * grouped.sign()).reshape(weight.shape)


def pruned(weight: Tensor, ternary: Quantized, share: float) -> Quantized:
    """``ternary`` with the smallest weights of each group zero, until at least ``share`` of the group is."""
    grouped = weight.abs().reshape(*ternary.scale.shape, ternary.group_size)
    rank = grouped.argsort(-1).argsort(-1).reshape(weight.shape)
    return Quantized(ternary.codes * (rank >= round(share * ternary.group_size)), ternary.scale)


def _shift(bench: Bench, kind: str, number_format: ScaleFormat, binades: int) -> Point:
    def stored(numbers: Tensor) -> Tensor:
        return round_to(numbers.float() * 2.0**binades, number_format) * 2.0**-binades

    tensors, ternary = dict(bench.others), dict(bench.quantized)
    if kind == "scales":
        ternary = {name: Quantized(q, stored(scale)) for name, (q, scale) in ternary.items()}
        error = relative_error([t.scale for t in bench.quantized.values()], [t.scale for t in ternary.values()])
    else:
        chosen = [n for n, t in tensors.items() if PAYLOAD_KIND[kind_of(n, tuple(t.shape))] == kind]
        tensors |= {name: stored(tensors[name]) for name in chosen}
        error = relative_error([bench.others[name] for name in chosen], [tensors[name] for name in chosen])
    return _point(bench, Restored(tensors, ternary), binades, error, bench.nats, bench.quantized)


def _crowd(bench: Bench, halvings: float) -> tuple[dict[str, Tensor], dict[str, Quantized], WindowNats]:
    """Crowded masters, their forward trits, and how the model with these scores."""
    quantizer = bench.model.quantizer
    masters = {name: crowded(bench.weights[name], quantizer, halvings) for name in bench.quantized}
    forward = quantize_all(masters, dict.fromkeys(masters, quantizer_of(quantizer)))
    return masters, forward, bench.reload(Restored(bench.others, forward), f"crowded, 2^-{halvings:g}").nats


def _flips(
    bench: Bench,
    masters: Mapping[str, Tensor],
    forward: Mapping[str, Quantized],
    against: WindowNats,
    decide: Decide,
    halvings: float,
) -> Point:
    form = TritsConfig(quantizer=bench.model.quantizer, scales="float32", rounding=decide)
    rounded = {name: round_trits(weight, form) for name, weight in masters.items()}
    error = relative_error(map(dequantize, forward.values()), map(dequantize, rounded.values()))
    return _point(bench, Restored(bench.others, rounded), halvings, error, against, forward)


def _prune(bench: Bench, share: float) -> tuple[dict[str, Quantized], WindowNats]:
    sparse = {name: pruned(bench.weights[name], matrix, share) for name, matrix in bench.quantized.items()}
    return sparse, bench.reload(Restored(bench.others, sparse), f"{share:.0%} zeros").nats


def _reload(
    bench: Bench, sparse: Mapping[str, Quantized], against: WindowNats, number_format: ScaleFormat, share: float
) -> Point:
    quantizer = bench.model.quantizer
    reloaded = {}
    for name, (q, scale) in sparse.items():
        weight = shrinkage_corrected(Quantized(q, round_to(scale, number_format)), quantizer.estimator)
        reloaded[name] = quantize(round_to(weight, "bfloat16"), quantizer_of(quantizer))
    error = relative_error(map(dequantize, sparse.values()), map(dequantize, reloaded.values()))
    return _point(bench, Restored(bench.others, reloaded), share, error, against, sparse)


def _point(
    bench: Bench,
    restored: Restored,
    at: float,
    error: float,
    against: WindowNats,
    trits: Mapping[str, Quantized],
) -> Point:
    found = bench.reload(restored, f"probe at {at:g}", against)
    changed = sum(int((trits[name].codes != matrix.codes).sum()) for name, matrix in restored.quantized.items())
    return Point(at, found.gap.bpb, found.gap.standard_error, error, changed)


def relative_error(before: Iterable[Tensor], after: Iterable[Tensor]) -> float:
    """‖after − before‖ / ‖before‖ over all tensors, FP64; 0 where there is nothing."""
    wrong = size = 0.0
    for old, new in zip(before, after, strict=True):
        wrong += (new.double() - old.double()).square().sum().item()
        size += old.double().square().sum().item()
    return float((wrong / size) ** 0.5) if size else 0.0


def _is_broken(point: Point, mildest: Point, break_bpb: float) -> bool:
    return abs(point.gap_bpb - mildest.gap_bpb) > break_bpb


def _mechanism(
    parameter: Parameter, kind: str, choice: str, points: Sequence[Point], mildest: float, break_bpb: float
) -> dict[str, Any]:
    """``below`` and ``above``: the settings nearest to the mildest on either side where it is broken."""
    zero = next(point for point in points if point.at == mildest)
    broken = [point.at for point in points if _is_broken(point, zero, break_bpb)]
    return {
        "parameter": parameter,
        "kind": kind,
        "choice": choice,
        "points": [point.as_dict() for point in points],
        "below": max((at for at in broken if at < mildest), default=None),
        "above": min((at for at in broken if at > mildest), default=None),
    }
