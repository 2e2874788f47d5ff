"""How few bytes a coder could make of an artifact's trits, scales and table, by what it knows of each number's place.

python benchmarks/entropy.py ARTIFACT --out FILE

A figure is the length of an adaptive code: symbol by symbol, with the frequencies of those before it in its context
(Krichevsky and Trofimov, 1981). So contexts pay for what is learnt in each of them, and a range coder can reach it.
What can be known of a trit: its matrix, row or group, its neighbours to the left and above, how many of the row's and
the column's were zero so far, and its group's scale, coded first. A coder is worth its code where contexts gain 1% of
the artifact.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from tritgolf.artifact.container import read_artifact
from tritgolf.artifact.header import Artifact
from tritgolf.errors import one_line_errors
from tritgolf.files import digest_file, write_json
from tritgolf.quantize.formats import encode

Ints = NDArray[np.int64]
BINS = 16  # of what is known as a number: shares of zeros, scales
WINDOW = 32  # neighbours whose zeros are counted
WORTH = 0.01  # of the artifact


def code_bytes(symbols: Ints, contexts: Ints | int, alphabet: int) -> float:
    """Bytes of the adaptive code of ``symbols`` (0 … alphabet − 1), each in one of ``contexts`` (0 …), same shape."""
    joint = (np.asarray(contexts, np.int64) * alphabet + symbols).reshape(-1)
    counts = np.bincount(joint, minlength=(int(np.max(contexts)) + 1) * alphabet).reshape(-1, alphabet)
    counts = counts[counts.sum(1) > 0]
    half = alphabet / 2
    nats = gammaln(counts.sum(1) + half) - math.lgamma(half)
    nats -= (gammaln(counts + 0.5) - math.lgamma(0.5)).sum(1)
    return float(nats.sum() / math.log(2) / 8)


def code_bytes_of_many(symbols: Ints) -> float:
    """The same without context where the alphabet is large: every number that comes is named once, in 16 bits."""
    seen, indices = np.unique(symbols, return_inverse=True)
    return code_bytes(indices.reshape(-1), 0, len(seen)) + 2 * len(seen)


def trit_contexts(trits: Ints, scales: Ints) -> Iterator[tuple[str, Ints | int]]:
    """What may be known of the ``trits`` (rows, columns; 0, 1, 2) of one matrix, and which context that is.

    ``scales``: bin of each group's scale, (rows, groups).
    """
    columns = trits.shape[1]
    indices = np.indices(trits.shape)
    row, column = indices[0], indices[1]
    group = column // (columns // scales.shape[1])
    left, above = _before(trits, 1), _before(trits, 0)
    of_scale = np.repeat(scales, columns // scales.shape[1], axis=1)
    zeros_left, zeros_above = _zeros_before(trits, 1), _zeros_before(trits, 0)
    yield "matrix", 0
    yield "row", row
    yield "column", column
    yield "group", row * scales.shape[1] + group
    yield "left", left
    yield "above", above
    yield "left, above", left * 4 + above
    yield "two left", left * 4 + _before(trits, 1, 2)
    yield "scale", of_scale
    yield f"zeros of the last {WINDOW} in the row", zeros_left
    yield f"zeros of the last {WINDOW} in the column", zeros_above
    yield f"zeros of the last {WINDOW} in row and column", zeros_left * BINS + zeros_above
    yield "zeros in row and column, scale", (zeros_left * BINS + zeros_above) * BINS + of_scale


def _before(trits: Ints, axis: int, steps: int = 1) -> Ints:
    """The trit so many places before along ``axis``; 3 where there is none."""
    found = np.full_like(trits, 3)
    if axis == 1:
        found[:, steps:] = trits[:, :-steps]
    else:
        found[steps:] = trits[:-steps]
    return found


def _zeros_before(trits: Ints, axis: int) -> Ints:
    """Bin of the share of zeros among the last ``WINDOW`` before each along ``axis``, fewer at its beginning."""
    zeros = np.moveaxis(trits == 1, axis, 0).astype(np.int64)
    sums = np.concatenate([np.zeros((1, zeros.shape[1]), np.int64), zeros.cumsum(0)])
    places = np.arange(len(zeros))
    start = np.maximum(places - WINDOW, 0)
    share = (sums[places] - sums[start] + 0.5) / (places - start + 1)[:, None]
    return np.moveaxis(np.minimum((share * BINS).astype(np.int64), BINS - 1), 0, axis)


def scale_codes(found: list[Ints]) -> dict[str, float]:
    """Bytes of all scales, given as the bits of BF16 by matrix (rows, groups): larger numbers, larger integers."""
    joined = np.concatenate([scales.reshape(-1) for scales in found])
    high, low = joined >> 7, joined & 127
    layer = np.concatenate([np.full(scales.size, n) for n, scales in enumerate(found)])
    lowest = int(high.min())
    exponent, exponents = high - lowest, int(high.max()) - lowest + 1
    lengths = {
        "order 0": code_bytes_of_many(joined),
        "matrix": sum(code_bytes_of_many(scales.reshape(-1)) for scales in found),
        "exponent by matrix, mantissa by exponent": code_bytes(exponent, layer, exponents)
        + code_bytes(low, exponent, 128),
    }
    for name, guess in {"left": _left, "above": _above, "mean of left and above": _mean}.items():
        differences = [scales - guess(scales) for scales in found]
        lengths[f"less {name}, by matrix"] = sum(code_bytes_of_many(each.reshape(-1)) for each in differences)
        lengths[f"less {name}"] = code_bytes_of_many(np.concatenate([each.reshape(-1) for each in differences]))
    return lengths


def _left(scales: Ints) -> Ints:
    return np.concatenate([_above(scales)[:, :1], scales[:, :-1]], axis=1)


def _above(scales: Ints) -> Ints:
    return np.concatenate([np.zeros_like(scales[:1]), scales[:-1]])


def _mean(scales: Ints) -> Ints:
    return (_left(scales) + _above(scales)) // 2


def table_codes(table: Ints) -> dict[str, float]:
    """Bytes of the table's e4m3 numbers, as bytes (rows, columns)."""
    column = np.indices(table.shape)[1]
    magnitude = table & 127
    sums = magnitude.cumsum(1) - magnitude
    so_far = np.where(column > 0, sums // np.maximum(column, 1), 128) // 2
    left = np.concatenate([np.full_like(magnitude[:, :1], 128), magnitude[:, :-1]], axis=1)
    of_column = (magnitude.mean(0) // 2).astype(np.int64)  # known once a byte a column is stored
    return {
        "order 0": code_bytes(table, 0, 256),
        "column": code_bytes(table, column, 256),
        "row's magnitude so far": code_bytes(table, so_far, 256),
        "magnitude to the left": code_bytes(table, left, 256),
        "column's magnitude": code_bytes(table, of_column[column], 256) + table.shape[1],
        "row's so far and column's": code_bytes(table, so_far * 64 + of_column[column], 256) + table.shape[1],
    }


def measured(artifact: Artifact) -> dict[str, Any]:
    """All lengths in bytes, beside what the file has of each kind."""
    stored = artifact.stored
    ternary = {name: stored.quantized[name] for name, spec in stored.specs.items() if spec.kind == "ternary"}
    bits = {name: _bits_of(q.scale) for name, q in ternary.items()}
    trits: dict[str, float] = {}
    counts = np.zeros(3, np.int64)
    for name, (codes, _) in ternary.items():
        symbols = codes.numpy().astype(np.int64) + 1
        counts += np.bincount(symbols.reshape(-1), minlength=3)
        edges = np.quantile(bits[name], np.linspace(0, 1, BINS + 1)[1:-1])
        for context, found in trit_contexts(symbols, np.searchsorted(edges, bits[name])):
            trits[context] = trits.get(context, 0.0) + code_bytes(symbols, found, 3)
    shares = counts / counts.sum()
    order0 = -float((counts * np.log2(shares)).sum()) / 8
    made = {"trits": {"order 0": order0, **trits}, "scales": scale_codes(list(bits.values()))}
    tables = [spec for spec in stored.specs.items() if spec[1].kind == "table" and spec[1].format == "e4m3"]
    if tables:
        (name, spec) = tables[0]
        made["table"] = table_codes(
            np.frombuffer(encode(stored.tensors[name], spec.format), np.uint8).astype(np.int64).reshape(spec.shape)
        )
    return {"trits": int(counts.sum()), "zero_fraction": float(shares[1]), "code_bytes": made}


def _bits_of(scale: Any) -> Ints:
    return np.frombuffer(encode(scale, "bfloat16"), np.uint16).astype(np.int64).reshape(scale.shape)


def verdict(file_bytes: int, in_file: dict[str, int], found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """By kind the shortest code, what it would save of the file, and whether that is worth a coder."""
    best = {kind: min(lengths, key=lengths.__getitem__) for kind, lengths in found.items()}
    saved = {kind: in_file[kind] - round(found[kind][way]) for kind, way in best.items()}
    share = sum(max(0, each) for each in saved.values()) / file_bytes
    return {"best": best, "saved_bytes": saved, "share_of_the_artifact": share, "worth_a_coder": share >= WORTH}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path, help="a .tgolf file of a ternary model")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON of all figures")
    options = parser.parse_args()
    with one_line_errors():
        artifact = read_artifact(options.artifact)
        found = measured(artifact)
        in_file = {kind: size for kind, size in artifact.compressed_by_kind.items() if kind in found["code_bytes"]}
        told = verdict(artifact.file_bytes, in_file, found["code_bytes"])
        header = artifact.header
        source = {"record": header.record, "seed": header.seed, "step": header.step, "storage": header.storage_name}
        source["layout"] = artifact.layout
        about = {"digest": digest_file(options.artifact), "bytes": artifact.file_bytes, "bytes_by_kind": in_file}
        write_json(options.out, {"schema": "tritgolf/entropy/1", "artifact": source | about, **found, "verdict": told})
        for kind, lengths in found["code_bytes"].items():
            print(f"{kind}: {in_file[kind]:,} bytes in the file")
            for way, length in lengths.items():
                share = 100 * (in_file[kind] - length) / artifact.file_bytes
                print(f"  {way:45} {length:14,.0f}  saves {share:+.2f}% of the artifact")
        print(told)


if __name__ == "__main__":
    main()
