"""Time of a micro-step and of the optimizers on one GPU: the fast path and the plain faithful one in turn.

python benchmarks/training_step.py --shards results/data/docs_en/shards --out measured/speed/NAME.json

The plain path is the specification written straight under torch.compile: quantization in every forward pass, whole
logits, one Muon product a matrix. Both compute in BF16, from the same weights, on the same real tokens. Medians of many
steps after warm-up, ratios pair by pair; published figures are those of the published code on one H200.
"""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from options import first_batch, parser_of
from plain import PlainTrainer
from timing import interleaved, ratios, summary

from tritgolf.config.record import load_record
from tritgolf.files import write_json
from tritgolf.model.blocks import Block
from tritgolf.model.heads import make_heads
from tritgolf.model.mlp import add_mlp
from tritgolf.model.residual import add_scaled
from tritgolf.provenance import provenance
from tritgolf.quantize.rounding import rounded_through
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer

PUBLISHED_H200 = {"forward_backward_ms": 74.1, "muon_ms": 21.0, "peak_memory_gb": 26.2}  # 64×1024 tokens, #920's code


def use_plain_heads(block: Block) -> None:
    block.attn.make_heads = make_heads


def use_plain_sum(block: Block) -> None:
    block.add_scaled = add_scaled


def use_plain_mlp(block: Block) -> None:
    block.mlp.add_mlp = add_mlp


def round_in_every_kernel(block: Block) -> None:
    block.rounded = rounded_through


# Training's fused forms, each with what puts the plain one in its place.
FORMS = {"heads": use_plain_heads, "residual": use_plain_sum, "mlp": use_plain_mlp, "once": round_in_every_kernel}


def peak_gb(function: Any) -> float:
    """Peak memory of ``function``, GB, with what is allocated before it."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    function()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 1e9


def kernel_table(function: Any) -> str:
    """Where the time of ``function`` goes, kernel by kernel."""
    with torch.profiler.profile() as profile:
        function()
        torch.cuda.synchronize()
    return profile.key_averages().table(sort_by="self_cuda_time_total", row_limit=60, max_name_column_width=100)


def main() -> None:
    parser = parser_of(__doc__, sequences=64, repeats=40, attention="auto")
    parser.add_argument("--shards", required=True, help="a folder of .bin shards")
    parser.add_argument("--without", nargs="+", choices=FORMS, default=[], help="fast path, but these forms plain")
    parser.add_argument("--fast-only", action="store_true", help="leave the plain path out: for trying an idea")
    parser.add_argument("--profile", metavar="FILE", help="write a table of kernels here")
    parser.add_argument("--out", required=True, metavar="FILE", help="JSON with all figures and what made them")
    arguments = parser.parse_args()

    overrides = {"train": {"micro_batch_sequences": arguments.sequences, "attention": arguments.attention}}
    record = load_record(arguments.record, overrides=overrides)
    trainer = Trainer(record.model, record.train, 42, Ranks(0, 1, torch.device("cuda", 0)))
    for block in (module for module in trainer.network.modules() if isinstance(module, Block)):
        for form in arguments.without:
            FORMS[form](block)
    inputs, targets = first_batch(record, arguments.shards, arguments.sequences, torch.device("cuda", 0))
    for index in range(5):  # compiles, records, and leaves matrices that are no longer zero
        trainer.step(index, 1.0, inputs, targets)
    trainer._set_rates(0, 1e-6)
    gradients: dict[str, Callable[[], object]] = {"fast": trainer._compute_gradients}
    optimizers: dict[str, Callable[[], object]] = {"fast": trainer._update}
    memory = {"fast": peak_gb(trainer.compute_gradients)}
    if not arguments.fast_only:
        plain = PlainTrainer(record, 42, torch.device("cuda", 0))
        plain.network.load_state_dict(trainer.weights())
        gradients["plain"] = lambda: plain.gradients(inputs, targets)
        optimizers["plain"] = lambda: plain.update_matrices(1e-6, 0.95)
        for function in (gradients["plain"], optimizers["plain"]):
            function()
    gc.collect()
    torch.cuda.empty_cache()
    times = {
        "forward_backward": interleaved(gradients, arguments.repeats),
        "optimizers": interleaved(optimizers, arguments.repeats),
        "step": interleaved({"fast": lambda: trainer.step(0, 1e-6, inputs, targets)}, arguments.repeats),
    }
    facts: dict[str, Any] = {
        what: {path: summary(found) for path, found in paths.items()} for what, paths in times.items()
    }
    for what, paths in times.items():
        if "plain" in paths:
            facts[what]["times_faster"] = ratios(paths["plain"], paths["fast"])
    write_json(
        Path(arguments.out),
        {
            **facts,
            "forward_backward_eager_ms": summary(interleaved({"e": trainer.compute_gradients}, 10)["e"]),
            "peak_memory_gb": memory,
            "published_on_h200": PUBLISHED_H200,
            "tokens": inputs.numel(),
            "attention": trainer.attention_name,
            "record": arguments.record,
            "without": arguments.without,
            "provenance": provenance(record.model_dump(mode="json"), {}),
        },
    )
    if arguments.profile:
        Path(arguments.profile).write_text(kernel_table(trainer.compute_gradients))
    print(Path(arguments.out).read_text())


if __name__ == "__main__":
    main()
