"""What an artifact will take, from a model's table and a storage alone."""

import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from tritgolf.artifact.kinds import form_of, spec_of
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.storage import RoleStorage
from tritgolf.parameters import Parameter
from tritgolf.quantize.widths import length_of


@cache
def entropy_bits(form: IntegerConfig) -> float:
    """Bits a code that an ideal coder takes of normal weights, each rounded to its nearest level.

    3.328 of #1716's matrices, 4.715 of its table. Without ``clip_sigmas`` all bits of the code.
    """
    if form.clip_sigmas is None:
        return float(form.bits)
    levels = form.level_count
    step = 2 * form.clip_sigmas / (levels - 1)
    below = [0.0, *(_normal_below((n - levels / 2) * step) for n in range(1, levels)), 1.0]
    shares = [upper - lower for lower, upper in pairwise(below)]
    return -sum(share * math.log2(share) for share in shares if share > 0)


def _normal_below(deviations: float) -> float:
    """The share of N(0, 1) below so many standard deviations."""
    return (1 + math.erf(deviations / math.sqrt(2))) / 2


def coded_bytes(table: Mapping[str, Parameter], storage: RoleStorage) -> int | None:
    """Bytes of an artifact whose weights are normal and whose integer codes an ideal coder writes; all else as it is.

    None for a storage without a grid that is clipped at standard deviations.
    """
    forms = {name: form_of(name, parameter, storage) for name, parameter in table.items()}
    if not any(isinstance(form, IntegerConfig) and form.clip_sigmas for form in forms.values()):
        return None
    total, group_size = 0.0, storage.group_size
    for name, parameter in table.items():
        form, spec = forms[name], spec_of(parameter, forms[name])
        total += length_of(spec.format, spec.numbers_shape(group_size))
        total += parameter.size * entropy_bits(form) / 8 if isinstance(form, IntegerConfig) else 0
    return round(total)
