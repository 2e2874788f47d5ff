"""Time of a micro-step and of the optimizers on one GPU: the fast path and the plain faithful one in turn.

python benchmarks/training_step.py --shards results/data/docs_en/shards --out measured/speed/NAME.json

The plain path is the specification written straight under torch.compile: quantization in every forward pass, whole
logits, one Muon product a matrix. Both compute as the record does, from the same weights, on the same real tokens.
Medians of many steps after warm-up, ratios pair by pair; published figures are those of the published code on one H200.
A record with a second phase is timed in both: figures of the first, and of the other under ``recurrence``.
"""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from options import first_batch, parser_of, record_named
from plain import PlainTrainer
from timing import interleaved, ratios, summary
from torch import Tensor

from tritgolf.errors import InputError
from tritgolf.files import write_json
from tritgolf.model import transformer_block
from tritgolf.model.blocks import Block
from tritgolf.model.build import default_device
from tritgolf.model.heads import make_heads
from tritgolf.model.joined import add_both
from tritgolf.model.phase import Phase
from tritgolf.model.residual import add_scaled
from tritgolf.model.transformer import Transformer
from tritgolf.model.unet import UNet
from tritgolf.provenance import provenance
from tritgolf.quantize.rounding import rounded_through
from tritgolf.ranks import Ranks
from tritgolf.train.schedule import phases
from tritgolf.train.trainer import Trainer

# 64×1024 tokens, #920's code, whose ternary U-Net it is.
PUBLISHED_H200 = {"unet": {"forward_backward_ms": 74.1, "muon_ms": 21.0, "peak_memory_gb": 26.2}}


Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""


def use_plain_heads(block: Block) -> None:
    block.attn.make_heads = make_heads


def use_plain_sum(block: transformer_block.Block) -> None:
    block.add_scaled = add_scaled


def use_plain_parts(block: Block) -> None:
    block.add_both = add_both


def round_in_every_kernel(block: Block) -> None:
    block.rounded = rounded_through


def use_plain_attention(block: transformer_block.Block) -> None:
    block.attn.fused = False


def use_plain_mlp(block: transformer_block.Block) -> None:
    block.mlp.of_residual, block.mlp.add_mlp = None, transformer_block.MLP_FORMS[block.attn.normed, False]


# Training's fused forms of a network's blocks, each with what puts the plain one in its place.
FORMS: dict[type, dict[str, Callable[[Any], None]]] = {
    Block: {"heads": use_plain_heads, "joined": use_plain_parts, "once": round_in_every_kernel},
    transformer_block.Block: {
        "attention": use_plain_attention, "residual": use_plain_sum, "mlp": use_plain_mlp,
    },
}  # fmt: skip
# Forms of a whole network, whose ``fused`` (and its blocks', if they have one) chooses them.
OF_NETWORK = {UNet: "shared", Transformer: "streams"}
NAMES = sorted({name for forms in FORMS.values() for name in forms} | set(OF_NETWORK.values()))


def leave_out(trainer: Trainer, names: list[str]) -> None:
    """Put plain forms in the places of those of these ``names``; ``InputError`` for one that the network has not."""
    network: Any = trainer.network
    blocks: list[Any] = [module for module in network.modules() if type(module) in FORMS]
    whole = OF_NETWORK.get(type(network))
    known = {form for block in blocks for form in FORMS[type(block)]} | ({whole} if whole else set())
    for name in names:
        if name not in known:
            raise InputError(f"--without {name}", "this record's network has no such form", ", ".join(sorted(known)))
        for block in blocks:
            if name == whole:
                block.fused = network.fused = False
            else:
                FORMS[type(block)][name](block)


def peak_memory(trainer: Trainer) -> dict[str, float]:
    """Peak memory of the fast path's gradients, GB, with what is allocated before; nothing on a CPU."""
    if not torch.cuda.is_available():
        return {}
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    trainer.compute_gradients()
    torch.cuda.synchronize()
    return {"fast": torch.cuda.max_memory_allocated() / 1e9}


def kernel_table(trainer: Trainer) -> str:
    """Where the time of its gradients goes, kernel by kernel."""
    with torch.profiler.profile() as profile:
        trainer.compute_gradients()
        trainer.ranks.synchronize()
    sort = f"self_{trainer.ranks.device.type}_time_total"
    return profile.key_averages().table(sort_by=sort, row_limit=60, max_name_column_width=100)


def measured(trainer: Trainer, plain: PlainTrainer | None, phase: Phase, batch: Batch, repeats: int) -> dict[str, Any]:
    """All times in ``phase``, and the peak memory."""
    trainer.enter(phase)
    for index in range(5):  # compiles, records, and leaves matrices that are no longer zero
        trainer.step(index, 1.0, *batch)
    trainer._set_rates(0, 1e-6)
    gradients: dict[str, Callable[[], object]] = {"fast": trainer._compute_gradients}
    optimizers: dict[str, Callable[[], object]] = {"fast": trainer._update}
    memory = peak_memory(trainer)
    if plain is not None:
        plain.network.enter(phase)
        plain.network.load_state_dict(trainer.weights())
        gradients["plain"] = lambda: plain.gradients(*batch)
        optimizers["plain"] = lambda: plain.update_matrices(1e-6, 0.95)
        for function in (gradients["plain"], optimizers["plain"]):
            function()
    gc.collect()
    torch.cuda.empty_cache()
    times = {
        "forward_backward": interleaved(gradients, repeats),
        "optimizers": interleaved(optimizers, repeats),
        "step": interleaved({"fast": lambda: trainer.step(0, 1e-6, *batch)}, repeats),
    }
    figures: dict[str, Any] = {
        what: {path: summary(found) for path, found in paths.items()} for what, paths in times.items()
    }
    for what, paths in times.items():
        if "plain" in paths:
            figures[what]["times_faster"] = ratios(paths["plain"], paths["fast"])
    eager = summary(interleaved({"e": trainer.compute_gradients}, min(10, repeats))["e"])
    return {**figures, "forward_backward_eager_ms": eager, "peak_memory_gb": memory}


def main() -> None:
    parser = parser_of(__doc__, sequences=64, repeats=40, attention="auto")
    parser.add_argument("--shards", required=True, help="a folder of .bin shards")
    parser.add_argument("--without", nargs="+", choices=NAMES, default=[], help="fast path, but these forms plain")
    parser.add_argument("--fast-only", action="store_true", help="leave the plain path out: for trying an idea")
    parser.add_argument("--profile", metavar="FILE", help="write a table of kernels here; of the last phase")
    parser.add_argument("--out", required=True, metavar="FILE", help="JSON with all figures and what made them")
    arguments = parser.parse_args()

    overrides = {"train": {"micro_batch_sequences": arguments.sequences, "attention": arguments.attention}}
    record, device = record_named(arguments.record, overrides=overrides), default_device()
    trainer = Trainer(record.model, record.train, 42, Ranks(0, 1, device))
    leave_out(trainer, arguments.without)
    batch = first_batch(record, arguments.shards, arguments.sequences, device)
    plain = None if arguments.fast_only else PlainTrainer(record, 42, device)
    first, *later = phases(record.train)
    facts = measured(trainer, plain, first, batch, arguments.repeats)
    for phase in later:
        facts["recurrence"] = measured(trainer, plain, phase, batch, arguments.repeats)
    write_json(
        Path(arguments.out),
        {
            **facts,
            "published_on_h200": PUBLISHED_H200.get(record.model.kind),
            "tokens": batch[0].numel(),
            "attention": trainer.attention_name,
            "record": arguments.record,
            "without": arguments.without,
            "provenance": provenance(record.model_dump(mode="json"), {}),
        },
    )
    if arguments.profile:
        Path(arguments.profile).write_text(kernel_table(trainer))
    print(Path(arguments.out).read_text())


if __name__ == "__main__":
    main()
