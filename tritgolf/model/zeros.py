"""Zero fractions of a model's trits: by layer type, and as the published logs count them."""

from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor

from tritgolf.model.unet_parameters import LAYERS, described
from tritgolf.quantize.ternary import ternarize


def zero_fractions(trits: Mapping[str, Tensor]) -> dict[str, float]:
    """True share of zero trits: by layer type (``attn.qkv``, ``attn.proj``, ``mlp.fc``, ``mlp.proj``) and ``all``.

    ``trits``: q by state-dict name, of the quantizer that is really used. A layer type without matrices is left out.
    """
    zeros: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for name, q in trits.items():
        found = int((q == 0).sum())
        for group in (str(described(name).layer), "all"):
            zeros[group] += found
            counts[group] += q.numel()
    return {group: zeros[group] / counts[group] for group in (*LAYERS.values(), "all") if counts[group]}


def record_zero_fraction(state: Mapping[str, Tensor], group_size: int) -> float:
    """Zero fraction as the published logs count it (#640, #920), whatever the estimator of the model.

    The absmean rule over every 2-D parameter with "weight" in its name, quantized or not, in groups of the flattened
    matrix (the table's rows are no multiple of a group); the output matrix that tying leaves unused, vocabulary ×
    width, counts as all nonzero. Matrices that no whole number of groups fills are left out.
    ``state``: the model's master weights; the unused matrix need not be in it.
    """
    zeros, count = 0, _unused_output_matrix(state)
    for name, weight in state.items():
        if weight.ndim == 2 and "weight" in name and weight.numel() % group_size == 0:
            flat = weight.detach().reshape(-1, group_size)
            q = ternarize(flat, group_size=group_size, estimator="absmean", arithmetic="float32").codes
            zeros += int((q == 0).sum())
            count += q.numel()
    return zeros / count


def _unused_output_matrix(state: Mapping[str, Tensor]) -> int:
    of_role = {described(name).role: weight for name, weight in state.items()}
    vocabulary, embed_dim = of_role["embedding"].shape
    return vocabulary * (of_role["projection"].numel() // embed_dim)  # a projection is width × embed_dim, or turned
