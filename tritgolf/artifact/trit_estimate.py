"""What an artifact of trits will take, from a model's table and a storage: bytes a number as they were measured.

On #920 after 6,530 steps (measured/entropy): trits by ``layouts.columns``, all else as byte planes by xz.
"""

from collections.abc import Mapping

from tritgolf.artifact.kinds import form_of, spec_of
from tritgolf.config.storage import RoleStorage, TritsConfig
from tritgolf.parameters import Parameter
from tritgolf.quantize.widths import length_of

# Bits a trit. Of rms scales: measured. Of absmean scales: assumed, until there is an artifact of full length. With 0.35
# zeros a trit has 1.585 bits without contexts; columns save 4.9% of rms's, of which a third is left out as a margin.
BITS_OF_TRIT = {"rms": 1.460, "absmean": 1.533}
# Bytes left of a byte of numbers: of BF16 scales, of other BF16 numbers, of e4m3; others are counted whole.
OF_SCALES = 0.4494
OF_NUMBERS = {"bfloat16": 0.55, "e4m3": 0.8155}
HEADER = 2000  # bytes


def ternary_bytes(table: Mapping[str, Parameter], storage: RoleStorage) -> int:
    """Bytes of the artifact of a model with this ``table``, once it is trained; integer codes are counted whole."""
    total = float(HEADER)
    for name, parameter in table.items():
        form = form_of(name, parameter, storage)
        spec = spec_of(parameter, form)
        numbers = length_of(spec.format, spec.numbers_shape(storage.group_size))
        if isinstance(form, TritsConfig):
            total += numbers * OF_SCALES + parameter.size * BITS_OF_TRIT[form.quantizer.estimator] / 8
        else:
            codes = 0.0 if spec.codes is None else parameter.size * spec.codes.bits / 8
            total += numbers * OF_NUMBERS.get(spec.format, 1.0) + codes
    return round(total)
