"""Sections beyond the container's: integer codes of several widths beside trits."""

import math

import pytest
import torch

from tritgolf.artifact import payload
from tritgolf.artifact.layouts.registry import INTEGER_LAYOUTS, INTEGERS, TRITS
from tritgolf.artifact.payload import assemble, disassemble, section_layouts, section_lengths
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import store
from tritgolf.config.storage import RoleStorage
from tritgolf.malformed import MalformedError

INT6, INT8 = {"grid": "integer", "bits": 6}, {"grid": "integer", "bits": 8}


@pytest.fixture
def stored(state, model, storage):
    """The small model with codes of 6 bits in one layer type, of 8 bits in the MLP, trits in the others."""
    trits_and_numbers = storage.by_role(model)
    return store(state, model, RoleStorage(roles={**trits_and_numbers.roles, "attn.proj": INT6, "mlp": INT8}))


def test_sections_of_codes_come_first_by_width(stored):
    layouts = section_layouts(stored.specs)
    assert list(layouts) == ["trits", "codes6", "codes8", "scales", "table", "projections", "mixes", "vectors"]
    assert layouts["codes6"] == ("int_bits", "byte_planes", "arithmetic")
    assert list(assemble(stored, Sections(1))) == list(layouts)


@pytest.mark.parametrize("codes6", INTEGER_LAYOUTS)
@pytest.mark.parametrize("trits", ["base3", "bitmask"])
def test_integer_codes_come_back_in_every_layout(stored, codes6, trits):
    shared = Sections(1)
    layouts = {"trits": trits, "codes6": codes6, "codes8": "int_bits"}
    packed = {kind: by_layout[layouts.get(kind, "byte_planes")] for kind, by_layout in assemble(stored, shared).items()}
    for kind, (shortest, longest) in section_lengths(stored.specs, 16, layouts).items():
        assert shortest <= len(packed[kind]) <= longest
    back = disassemble(packed, stored.specs, 16, layouts, shared)
    for name, (codes, scale) in stored.quantized.items():
        assert torch.equal(back.quantized[name].codes, codes)
        assert torch.equal(back.quantized[name].scale, scale)
    assert back.payload_digest == stored.payload_digest


def test_six_bits_are_six_bits(stored):
    counts = payload.code_counts(stored.specs)
    assert list(counts) == [TRITS, INTEGERS[6], INTEGERS[8]]
    packed = assemble(stored, Sections(1), ("int_bits", "byte_planes"))
    assert list(packed["trits"]) == ["base3", "bitmask"]
    for section in (INTEGERS[6], INTEGERS[8]):
        sizes = {layout: len(data) for layout, data in packed[section.kind].items()}
        count = counts[section]
        assert sizes == {"int_bits": math.ceil(count * section.bits / 8), "byte_planes": count}


def test_codes_out_of_range_are_refused(stored):
    shared = Sections(1)
    layouts = {"trits": "base3", "codes6": "byte_planes", "codes8": "int_bits"}
    packed = {kind: by_layout[layouts.get(kind, "byte_planes")] for kind, by_layout in assemble(stored, shared).items()}
    packed["codes6"] = b"\x7f" * len(packed["codes6"])
    with pytest.raises(MalformedError, match="no number of 6 bits"):
        disassemble(packed, stored.specs, 16, layouts, shared)
