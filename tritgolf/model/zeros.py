"""Zero fractions of a model's trits: by layer type, and as the published logs count them."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tritgolf.config.model import UNetConfig
from tritgolf.model.specs import parameters_of
from tritgolf.parameters import Parameter, layers_of
from tritgolf.quantize.plan import quantize_all, quantizers
from tritgolf.quantize.ternary import TernaryQuantizer, ternarize


def zero_facts(model: Any, weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """``zero_fraction`` of a model's master ``weights``, of a U-Net's ``record_zero_fraction`` too.

    Nothing if it trains no trits.
    """
    plan = ternary_plan(model)
    trits = {name: matrix.codes for name, matrix in quantize_all(weights, plan).items()}
    return facts_of_trits(model, trits, weights)


def facts_of_trits(model: Any, trits: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """The same where the ``trits`` are known, by name."""
    plan = ternary_plan(model)
    if not plan:
        return {}
    facts: dict[str, Any] = {"zero_fraction": zero_fractions(trits, parameters_of(model))}
    if isinstance(model, UNetConfig):  # of other models no log was ever published
        group_size = model.quantizer.group_size
        facts["record_zero_fraction"] = record_zero_fraction(weights, parameters_of(model), group_size)
    return facts


def ternary_plan(model: Any) -> dict[str, TernaryQuantizer]:
    """Name → quantizer of every matrix that the model trains as trits."""
    plan = quantizers(model, parameters_of(model))
    return {name: quantizer for name, quantizer in plan.items() if isinstance(quantizer, TernaryQuantizer)}


def zero_fractions(trits: Mapping[str, Tensor], table: Mapping[str, Parameter]) -> dict[str, float]:
    """True share of zero trits: by layer type of ``table`` (as ``attn.qkv``) and ``all``.

    ``trits``: codes by state-dict name, of the quantizer that is really used. A layer type without matrices is left
    out.
    """
    zeros: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for name, q in trits.items():
        zero = int((q == 0).sum())
        for group in (str(table[name].layer), "all"):
            zeros[group] += zero
            counts[group] += q.numel()
    return {group: zeros[group] / counts[group] for group in (*layers_of(table), "all") if counts[group]}


def record_zero_fraction(state: Mapping[str, Tensor], table: Mapping[str, Parameter], group_size: int) -> float:
    """Zero fraction as the published logs count it (#640, #920), whatever the estimator of the model.

    The absmean rule over every 2-D parameter with "weight" in its name, quantized or not, in groups of the flattened
    matrix (the table's rows are no multiple of a group); the output matrix that tying leaves unused, vocabulary ×
    width, counts as all nonzero. Matrices that no whole number of groups fills are left out.
    ``state``: the model's master weights; the unused matrix need not be in it.
    """
    zeros, count = 0, _unused_output_matrix(table)
    for name, weight in state.items():
        if weight.ndim == 2 and "weight" in name and weight.numel() % group_size == 0:
            flat = weight.detach().reshape(-1, group_size)
            q = ternarize(flat, group_size=group_size, estimator="absmean", arithmetic="float32").codes
            zeros += int((q == 0).sum())
            count += q.numel()
    return zeros / count


def _unused_output_matrix(table: Mapping[str, Parameter]) -> int:
    of_role = {parameter.role: parameter for parameter in table.values()}
    if "projection" not in of_role:
        return 0
    vocabulary, embed_dim = of_role["embedding"].shape
    return vocabulary * (of_role["projection"].size // embed_dim)  # a projection is width × embed_dim, or turned
