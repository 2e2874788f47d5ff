"""Seconds of an export's compression at full size: both trit layouts side by side, and as published, in turn.

    python benchmarks/export_time.py --out measured/speed/NAME.json [--checkpoint results/…/final.safetensors]

*fast* is ``write_artifact``: packs both layouts, compresses them, writes the smaller. *one after the other* does the
same compressions in turn. *published* compresses the same payloads as the published code does, whole, at LZMA's preset
9, one layout after the other. Medians, and ratios of neighbouring calls with their spread.

Without a checkpoint the weights are drawn so that their trits look trained: Student's t with as many degrees of freedom
as give the measured share of zeros (0.41 in attention and ``mlp.fc``, 0.48–0.57 in ``mlp.proj``), scales that differ
by row. Trits have nearly no structure beside that share (LZMA comes within 1% of it), so the time is that of trained
ones.
"""

import json
import lzma
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from options import parser_of, record_named
from timing import ratios
from torch import Tensor

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.codecs import PRESET, compress
from tritgolf.artifact.container import write_artifact
from tritgolf.artifact.header import ArtifactHeader
from tritgolf.artifact.payload import assemble
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import Stored, store
from tritgolf.config.model import UNetConfig
from tritgolf.config.models import unet_of
from tritgolf.files import write_json
from tritgolf.model.specs import parameters_of
from tritgolf.provenance import provenance

DEGREES_OF_FREEDOM = {"mlp.proj": 3.5, "other": 8.0}  # zeros of the rms quantizer: 0.51 and 0.42


def drawn_weights(model: UNetConfig) -> dict[str, Tensor]:
    torch.manual_seed(42)
    weights = {}
    for name, parameter in parameters_of(model).items():
        degrees = DEGREES_OF_FREEDOM["mlp.proj" if name.endswith("mlp.proj.weight") else "other"]
        weights[name] = torch.distributions.StudentT(degrees).sample(parameter.shape)
        if parameter.is_quantized:
            weights[name] *= 0.12 * torch.randn(parameter.shape[0], 1).mul(0.5).exp()
    return weights


def sequential(stored: Stored) -> int:
    """Bytes of the smaller layout, every section compressed in its turn."""
    return min(sum(len(compress(data, "xz")) for data in sections) for sections in payloads(stored))


def published(stored: Stored) -> int:
    return min(len(lzma.compress(b"".join(sections), preset=PRESET)) for sections in payloads(stored))


def payloads(stored: Stored) -> list[list[bytes]]:
    """The sections under each layout of the trits."""
    with Sections(threads=1) as shared:
        sections = assemble(stored, shared)
    numbers = [data for kind, by_layout in sections.items() if kind != "trits" for data in by_layout.values()]
    return [[trits, *numbers] for trits in sections["trits"].values()]


def timed(call: Callable[[], int]) -> dict[str, float]:
    """Seconds, processor seconds of all threads (a busy machine says more by these), and bytes of the result."""
    began, used = time.perf_counter(), time.process_time()
    size = call()
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - used, "bytes": size}


def main() -> None:
    parser = parser_of(__doc__, repeats=3)
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="export these weights of the record")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here too")
    arguments = parser.parse_args()

    record = record_named(arguments.record)
    model = unet_of(record.model, record.name)
    state = checkpoints.load(arguments.checkpoint).tensors if arguments.checkpoint else drawn_weights(model)
    name = record.export.own_storage
    storage = record.export.storage(name)
    stored = store(state, model, record.export.by_role(name, model))
    header = ArtifactHeader(
        record=record.name,
        seed=None,
        checkpoint="benchmark",
        step=None,
        storage_name=name,
        model=model,
        storage=storage,
    )
    with tempfile.TemporaryDirectory() as folder:
        calls: dict[str, Callable[[], int]] = {
            "fast": lambda: write_artifact(Path(folder) / "benchmark.tgolf", stored, header).bytes,
            "one after the other": lambda: sequential(stored),
            "published": lambda: published(stored),
        }
        rounds = [{what: timed(call) for what, call in calls.items()} for _ in range(arguments.repeats)]
    trits = torch.cat([q.flatten() for q, _ in stored.quantized.values()])
    paths = {}
    for what in calls:
        own, fast = ([times[which] for times in rounds] for which in (what, "fast"))
        paths[what] = {
            **{key: statistics.median(times[key] for times in own) for key in ("seconds", "cpu_seconds")},
            "bytes": own[0]["bytes"],
            "fast_is_faster": ratios(*([times["seconds"] for times in path] for path in (own, fast))),
        }
    facts = {
        "what": "export",
        "record": record.name,
        "weights": "checkpoint" if arguments.checkpoint else "drawn",
        "trits": trits.numel(),
        "zero_fraction": (trits == 0).sum().item() / max(1, trits.numel()),
        "repeats": arguments.repeats,
        "paths": paths,
        "provenance": provenance([record.model_dump(mode="json")], {}),
    }
    if arguments.out:
        write_json(arguments.out, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
