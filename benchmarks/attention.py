"""Time and error of the attention backends that are installed, at a record's shapes, on one GPU.

    python benchmarks/attention.py --backends cudnn fa4 --out measured/speed/NAME.json

Forward alone and forward with backward are recorded as CUDA graphs, as in training, and replayed in turn; errors are
those of outputs and gradients against the definition in FP32 (``math_attention``), as a share of its norm. Inputs are
random: the time does not depend on them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from options import parser_of, record_named
from timing import interleaved, summary
from torch import Tensor

from tritgolf.config.model import UNetConfig
from tritgolf.config.models import unet_of
from tritgolf.cuda_graph import Replay
from tritgolf.files import write_json
from tritgolf.model.attention import Attention, available_backends, choose_attention, math_attention
from tritgolf.provenance import provenance

DEVICE = torch.device("cuda", 0)
PARTS = ("out", "dq", "dk", "dv")


def inputs(model: UNetConfig, sequences: int) -> tuple[list[Tensor], Tensor]:
    """q, k and v, which want gradients, and the gradient of what attention makes of them."""
    generator = torch.Generator(DEVICE).manual_seed(sequences)
    heads = (model.heads, model.kv_heads, model.kv_heads, model.heads)
    shapes = [(sequences, model.context, count, model.head_dim) for count in heads]
    *qkv, upstream = (torch.randn(shape, generator=generator, device=DEVICE).bfloat16() for shape in shapes)
    return [x.requires_grad_(True) for x in qkv], upstream


def errors(attend: Attention, model: UNetConfig, sequences: int = 4) -> dict[str, float]:
    qkv, upstream = inputs(model, sequences)
    wide = [x.detach().float().requires_grad_(True) for x in qkv]
    found, wanted = attend(*qkv), math_attention(*wide)
    ours = (found.detach(), *torch.autograd.grad(found, qkv, upstream))
    references = (wanted.detach(), *torch.autograd.grad(wanted, wide, upstream.float()))
    pairs = zip(PARTS, ours, references, strict=True)
    return {part: float((a.float() - b).norm() / b.norm()) for part, a, b in pairs}


def passes(attend: Attention, model: UNetConfig, sequences: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Forward alone, and with backward; both recorded at their third call."""
    qkv, upstream = inputs(model, sequences)

    def forward() -> None:
        attend(*qkv)

    def both() -> None:
        torch.autograd.grad(attend(*qkv), qkv, upstream)

    return Replay(forward, DEVICE), Replay(both, DEVICE)


def main() -> None:
    parser = parser_of(__doc__, sequences=32, repeats=30)
    parser.add_argument("--backends", nargs="+", help="names of train.attention; default: all that can run here")
    parser.add_argument("--out", required=True, metavar="FILE", help="JSON with all figures and what made them")
    arguments = parser.parse_args()

    model = unet_of(record_named(arguments.record).model, arguments.record)
    backends = arguments.backends or available_backends(DEVICE, torch.bfloat16)
    attention = {name: choose_attention(name, DEVICE, torch.bfloat16)[1] for name in backends}
    functions: dict[str, Callable[[], None]] = {}
    for name, attend in attention.items():
        functions[f"{name} forward"], functions[f"{name} both"] = passes(attend, model, arguments.sequences)
    times = interleaved(functions, arguments.repeats)
    shape = {"record": arguments.record, "sequences": arguments.sequences, "context": model.context}
    facts: dict[str, Any] = {
        "what": "attention, forward and with backward, replayed from CUDA graphs",
        **shape,
        "times": {name: summary(found) for name, found in times.items()},
        "relative_errors": {name: errors(attend, model) for name, attend in attention.items()},
        "provenance": provenance(shape, {}),
    }
    write_json(Path(arguments.out), facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
