"""What an artifact will take, from a model's table and a storage alone."""

import math
from collections.abc import Mapping

from tritgolf.artifact.kinds import form_of, spec_of
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.storage import RoleStorage
from tritgolf.parameters import Parameter
from tritgolf.quantize.widths import length_of

NORMAL = math.sqrt(2 * math.pi * math.e)  # 2 to the differential entropy of N(0, 1), in bits


def entropy_bits(form: IntegerConfig) -> float:
    """Bits a code that an ideal coder takes of normal weights: log2(√(2πe)·c/k), where c codes reach to k deviations.

    3.318 of #1716's matrices, 4.714 of its table. Without ``clip_sigmas`` all bits of the code.
    """
    if form.clip_sigmas is None:
        return float(form.bits)
    largest_code = (1 << form.bits - 1) - 1
    return min(math.log2(NORMAL * largest_code / form.clip_sigmas), float(form.bits))


def coded_bytes(table: Mapping[str, Parameter], storage: RoleStorage) -> int | None:
    """Bytes of an artifact whose weights are normal and whose integer codes an ideal coder writes; all else as it is.

    None for a storage without a grid that is clipped at standard deviations.
    """
    forms = {name: form_of(name, parameter, storage) for name, parameter in table.items()}
    if not any(isinstance(form, IntegerConfig) and form.clip_sigmas for form in forms.values()):
        return None
    total = 0.0
    for name, parameter in table.items():
        form, spec = forms[name], spec_of(parameter, forms[name])
        total += length_of(spec.format, spec.numbers_shape(storage.group_size))
        total += parameter.size * entropy_bits(form) / 8 if isinstance(form, IntegerConfig) else 0
    return round(total)
