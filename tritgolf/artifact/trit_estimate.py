"""What an artifact of trits will take, from a model's table and a storage: bytes a number as they were measured.

Trits by ``layouts.columns``, all else as byte planes by xz. Of rms scales: #920 after 6,530 steps (measured/entropy).
Of absmean scales: ternary_best after 1,570 (measured/ternary_best_early_docs_en_h200).
"""

from collections.abc import Mapping
from typing import NamedTuple

from tritgolf.artifact.kinds import form_of, spec_of
from tritgolf.config.storage import RoleStorage, TritsConfig
from tritgolf.parameters import Parameter
from tritgolf.quantize.widths import length_of


class Taken(NamedTuple):
    """Bits a trit, and bytes left of a byte of its scales and of e4m3 numbers."""

    trit: float
    scales: float
    e4m3: float


# By the scales' estimator. With rms scales 46% of the trits are zero, more in some columns than in others. With absmean
# scales 36% are in every column, so that a trit has all of its log2(3) bits.
TAKEN = {"rms": Taken(1.460, 0.4494, 0.8155), "absmean": Taken(1.5851, 0.3798, 0.798)}
OF_BFLOAT16 = 0.55  # bytes left of a byte of other numbers; of FP32, all
HEADER = 2000  # bytes


def ternary_bytes(table: Mapping[str, Parameter], storage: RoleStorage) -> int:
    """Bytes of the artifact of a model with this ``table``, once it is trained; integer codes are counted whole."""
    trits = next(form for form in storage.roles.values() if isinstance(form, TritsConfig))
    taken = TAKEN[trits.quantizer.estimator]
    left = {"bfloat16": OF_BFLOAT16, "e4m3": taken.e4m3}
    total = float(HEADER)
    for name, parameter in table.items():
        form = form_of(name, parameter, storage)
        spec = spec_of(parameter, form)
        numbers = length_of(spec.format, spec.numbers_shape(storage.group_size))
        if isinstance(form, TritsConfig):
            total += numbers * taken.scales + parameter.size * taken.trit / 8
        else:
            codes = 0.0 if spec.codes is None else parameter.size * spec.codes.bits / 8
            total += numbers * left.get(spec.format, 1.0) + codes
    return round(total)
