"""How export rounds a matrix to its grid: each weight alone, or by a function that looks at more (GPTQ)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.storage import TritsConfig
from tritgolf.config.types import Decide
from tritgolf.errors import InputError
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.gptq import gptq
from tritgolf.quantize.plan import quantizer_of
from tritgolf.quantize.rounding import DTYPES
from tritgolf.quantize.ternary import Arithmetic, TernaryQuantizer, ternarize_step_by_step

CodesConfig = TritsConfig | IntegerConfig
Calibrated = Callable[[str, Tensor, IntegerConfig], Quantized]
"""Name, weight (rows, columns) and its grid's settings → codes and scales: GPTQ that knows the Hessian of that name."""


def round_to_grid(name: str, weight: Tensor, form: CodesConfig, calibrated: Calibrated | None = None) -> Quantized:
    """``weight`` (rows, columns) as codes, and its scales before they are rounded to the format they are stored in.

    ``calibrated`` rounds what is to be rounded by GPTQ. Raises ``InputError`` where that is needed and not given.
    """
    return BY_GRID[form.grid](name, weight, form, calibrated)


def _round_integers(name: str, weight: Tensor, form: IntegerConfig, calibrated: Calibrated | None) -> Quantized:
    if form.rounding != "gptq":
        quantizer: Any = quantizer_of(form)
        return quantizer.clipped(weight) if form.rounding == "clipped" else quantize(weight, quantizer)
    if calibrated is None:
        raise InputError(f"tensor {name!r}", "is to be rounded by GPTQ: that needs a calibration", "give one")
    return calibrated(name, weight, form)


def by_hessians(hessians: Mapping[str, Tensor]) -> Calibrated:
    """GPTQ, on their device, with these Hessians (columns, columns) by the weight's name (``collect_hessians``).

    What it returns raises ``InputError`` for a weight that has none.
    """

    def rounded(name: str, weight: Tensor, form: IntegerConfig) -> Quantized:
        if name not in hessians:
            raise InputError(f"Hessian of {name}", "is missing", f"calibrated are {', '.join(hessians) or 'none'}")
        hessian = hessians[name]
        return gptq(
            weight.to(hessian.device), hessian, quantizer_of(form), damping=form.damping, block=form.block, names=name
        )

    return rounded


def round_trits(weight: Tensor, form: TritsConfig) -> Quantized:
    """Trits of one matrix and the scales to store before they are rounded.

    ``forward`` takes both exactly as the training forward pass has them. The others are re-quantized from the master
    weights: ``master``, the published way, in FP32 arithmetic, with the scale rounded to ``form.rounding_scale`` for
    the trits; what is stored is the unrounded scale. ``master_float64`` is the same with the mean accumulated in FP64,
    ``master_bfloat16`` does everything in BF16 step by step. ``forward_float16`` is the forward pass's but for scales
    rounded to FP16 for the trits. ``requantized`` quantizes what the forward pass has made: the same trits, and scales
    mean|q|·s of absmean (what #1722's first version exported before its fix 2).
    """
    return ROUNDINGS[form.rounding](weight, TernaryQuantizer.of(form.quantizer), DTYPES[form.rounding_scale])


def _requantized(weight: Tensor, quantizer: TernaryQuantizer, _: torch.dtype) -> Quantized:
    return quantize(dequantize(quantize(weight, quantizer)), quantizer)


def _step_by_step(weight: Tensor, quantizer: TernaryQuantizer, _: torch.dtype) -> Quantized:
    return ternarize_step_by_step(weight, quantizer.group_size, quantizer.estimator, torch.bfloat16)


def _unrounded(weight: Tensor, quantizer: TernaryQuantizer, scale_dtype: torch.dtype) -> Quantized:
    codes = quantize(weight, replace(quantizer, scale_dtype=scale_dtype)).codes
    return Quantized(codes, quantizer.grid_scale(weight))


def _from_master(arithmetic: Arithmetic) -> "RoundTrits":
    def rounded(weight: Tensor, quantizer: TernaryQuantizer, scale_dtype: torch.dtype) -> Quantized:
        return _unrounded(weight, replace(quantizer, arithmetic=arithmetic, scale_dtype=torch.float32), scale_dtype)

    return rounded


BY_GRID: dict[str, Callable[[str, Tensor, Any, Calibrated | None], Quantized]] = {  # of the form
    "ternary": lambda _, weight, form, __: round_trits(weight, form),
    "integer": _round_integers,
}
RoundTrits = Callable[[Tensor, TernaryQuantizer, torch.dtype], Quantized]
"""Weight, grid and what scales are rounded to for the trits."""
ROUNDINGS: dict[Decide, RoundTrits] = {
    "forward": lambda weight, quantizer, _: quantize(weight, quantizer),
    "forward_float16": lambda weight, quantizer, _: _unrounded(weight, quantizer, torch.float16),
    "master": _from_master("float32"),
    "master_float64": _from_master("float64"),
    "master_bfloat16": _step_by_step,
    "requantized": _requantized,
}


def same_codes(name: str, form: CodesConfig) -> tuple[str, CodesConfig]:
    """Equal for forms that give the same codes and unrounded scales of the same weights."""
    return name, form.model_copy(update={"scales": "float32"}) if isinstance(form, TritsConfig) else form
