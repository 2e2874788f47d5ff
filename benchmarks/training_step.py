"""Time of one micro-step and of the parts of a step on one GPU, and peak memory. Real tokens, medians, JSON on stdout.

python benchmarks/training_step.py --record ternary_v2 --shards results/data/docs_en/shards [--profile FILE]
"""

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import torch

from tritgolf.config import load_record
from tritgolf.data.loader import TokenStream
from tritgolf.model.fused_loss import fused_training_loss
from tritgolf.provenance import hardware, versions
from tritgolf.train.distributed import Ranks
from tritgolf.train.trainer import Trainer


def timed(function: Callable[[], object], repeats: int) -> dict[str, float]:
    """Milliseconds of ``function`` by CUDA events: median, least and most of ``repeats`` after warm-up."""
    for _ in range(4):
        function()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        function()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", default="ternary_v2")
    parser.add_argument("--shards", required=True, help="a folder of .bin shards")
    parser.add_argument("--sequences", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--attention", default="auto")
    parser.add_argument("--profile", metavar="FILE", help="write a table of kernels here")
    arguments = parser.parse_args()

    record = load_record(arguments.record)
    device = torch.device("cuda", 0)
    train = record.train.model_copy(
        update={"micro_batch_sequences": arguments.sequences, "attention": arguments.attention}
    )
    trainer = Trainer(record.model, train, 42, Ranks(0, 1, device))
    stream = TokenStream(sorted(Path(arguments.shards).glob("*.bin")), record.model.vocab_size)
    context = record.model.context
    text = torch.from_numpy(stream.take(0, arguments.sequences * context + 1).astype("int64")).to(device)
    inputs, targets = text[:-1].view(-1, context), text[1:].view(-1, context)
    network = trainer.network
    for index in range(3):
        trainer.step(index, 1.0, inputs, targets)

    def loss_only(hidden: torch.Tensor) -> torch.Tensor:
        table, bias = network.head()
        loss, _ = fused_training_loss(hidden, table, bias, targets.reshape(-1), record.model.softcap, train.z_loss)
        return loss

    hidden = torch.randn(inputs.numel(), record.model.embed_dim, device=device, dtype=network.dtype)

    def update() -> None:
        trainer._update(0, 1e-6)

    torch.cuda.reset_peak_memory_stats()
    facts = {
        "forward_backward": timed(lambda: trainer._accumulate_gradients(inputs, targets), arguments.repeats),
        "peak_memory_gb": torch.cuda.max_memory_allocated() / 1e9,
        "loss_forward_and_gradients": timed(lambda: loss_only(hidden.requires_grad_(True)), arguments.repeats),
        "requantize": timed(trainer.stacks.requantize, arguments.repeats),
        "optimizers": timed(update, arguments.repeats),
        "step": timed(lambda: trainer.step(0, 1e-6, inputs, targets), arguments.repeats),
        "tokens": inputs.numel(),
        "attention": trainer.attention_name,
        "record": arguments.record,
        "versions": versions(),
        "hardware": hardware(),
    }
    if arguments.profile:
        with torch.profiler.profile() as profile:
            trainer.step(0, 1e-6, inputs, targets)
            torch.cuda.synchronize()
        table = profile.key_averages().table(sort_by="self_cuda_time_total", row_limit=50, max_name_column_width=90)
        Path(arguments.profile).write_text(table)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
