"""Processor seconds and bytes of what codes an artifact's integer codes, at full size: Brotli, and the range coder.

    python benchmarks/code_coders.py --out measured/speed/NAME.json

Codes are drawn as those of normal weights are, of a record's own table and clipping: trained ones are within 1.5% of
these in bytes. *published* has #1716's settings of Brotli, *before* those of this project until they were timed here,
*brotli* today's; *arithmetic* is the layout of honest records. *entropy* is the sum of order-0 entropies. All code the
same codes, in turn, one thread each; seconds are of the processor, so that other work on the machine counts less.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from options import parser_of, record_named
from timing import ratios

from tritgolf.artifact.codecs import PUBLISHED_BROTLI, BrotliSettings, compress_brotli
from tritgolf.artifact.kinds import form_of
from tritgolf.artifact.layouts.base import Codes
from tritgolf.artifact.layouts.registry import pack
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.record import RecordConfig
from tritgolf.files import write_json
from tritgolf.model.specs import parameters_of
from tritgolf.provenance import provenance

BEFORE = BrotliSettings(quality=11, lgwin=24)


def drawn_codes(record: RecordConfig, part: float) -> dict[int, Codes]:
    """Bits → codes of all matrices that are clipped at deviations, each ``part`` of its size."""
    generator, drawn = np.random.default_rng(0), dict[int, list[Codes]]()
    export: Any = record.export  # each kind takes the model of its own
    storage = export.by_role(export.own_storage, record.model)
    for name, parameter in parameters_of(record.model).items():
        form = form_of(name, parameter, storage)
        if isinstance(form, IntegerConfig) and form.clip_sigmas:
            largest = (1 << form.bits - 1) - 1
            numbers = generator.standard_normal(int(part * parameter.size)) * largest / form.clip_sigmas
            drawn.setdefault(form.bits, []).append(np.rint(numbers).clip(-largest, largest).astype(np.int8))
    return {bits: np.concatenate(parts) for bits, parts in drawn.items()}


def entropy_bytes(codes: Codes) -> float:
    """Of order 0."""
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(shares * np.log2(shares)).sum() * len(codes) / 8)


def with_brotli(settings: BrotliSettings) -> Callable[[Codes, int], bytes]:
    return lambda codes, bits: compress_brotli(pack(codes, "byte_planes", bits), settings)


CODERS: dict[str, Callable[[Codes, int], bytes]] = {
    "published": with_brotli(PUBLISHED_BROTLI),
    "before": with_brotli(BEFORE),
    "brotli": lambda codes, bits: compress_brotli(pack(codes, "byte_planes", bits)),
    "arithmetic": lambda codes, bits: pack(codes, "arithmetic", bits),
}


def measured(coder: Callable[[Codes, int], bytes], by_bits: dict[int, Codes]) -> tuple[float, int]:
    """Seconds and bytes of all codes."""
    began = time.process_time()
    size = sum(len(coder(codes, bits)) for bits, codes in by_bits.items())
    return time.process_time() - began, size


def main() -> None:
    parser = parser_of(__doc__, record="int6_recurrent", repeats=1)
    parser.add_argument("--part", type=float, default=1.0, help="of each matrix (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here too")
    arguments = parser.parse_args()

    codes = drawn_codes(record_named(arguments.record), arguments.part)
    entropy = sum(map(entropy_bytes, codes.values()))
    rounds = [{name: measured(coder, codes) for name, coder in CODERS.items()} for _ in range(arguments.repeats)]
    seconds = {name: [found[name][0] for found in rounds] for name in CODERS}
    facts = {
        "what": "coders of integer codes",
        "record": arguments.record,
        "part": arguments.part,
        "codes": {bits: len(each) for bits, each in codes.items()},
        "entropy_bytes": round(entropy),
        "coders": {
            name: {
                "processor_seconds": seconds[name],
                "bytes": rounds[0][name][1],
                "bytes_over_published": rounds[0][name][1] / rounds[0]["published"][1] - 1,
                "bytes_over_entropy": rounds[0][name][1] / entropy - 1,
                "times_faster_than_published": ratios(seconds["published"], seconds[name]),
            }
            for name in CODERS
        },
        "provenance": provenance({"record": arguments.record, "part": arguments.part}, {}),
    }
    if arguments.out:
        write_json(arguments.out, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
