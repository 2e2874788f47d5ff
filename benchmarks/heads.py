"""Time on one GPU of what lies between the fused product and attention: the kernels and the plain path in turn.

    python benchmarks/heads.py --out measured/speed/NAME.json

*layer* is a product, heads and attention, forward alone and with backward, as one compiled function each: only there
does the compiler fuse the definition as in the network. Both paths share all but the heads, so their difference is the
heads' own. *kernels* are the two operators alone, with the bandwidth that their least traffic makes of their time;
several ``--launches`` (elements of a half in a tile : warps) are compared. All work is recorded as CUDA graphs, as in
training. Inputs are random: the time does not depend on them.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from options import parser_of, record_named
from timing import interleaved, ratios, summary
from torch import Tensor

from tritgolf.config.model import UNetConfig
from tritgolf.config.models import unet_of
from tritgolf.cuda_graph import Replay
from tritgolf.files import write_json
from tritgolf.model.attention import Attention, choose_attention
from tritgolf.model.heads import MakeHeads, make_heads, make_heads_fast
from tritgolf.model.rotary import rotary_tables
from tritgolf.provenance import provenance

DEVICE = torch.device("cuda", 0)
BYTES = 2  # BF16


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, device=DEVICE, dtype=torch.bfloat16)


def rotary(model: UNetConfig) -> tuple[Tensor, Tensor]:
    cos, sin = rotary_tables(model, model.context, torch.bfloat16)
    return cos.to(DEVICE), sin.to(DEVICE)


def layer(
    heads: MakeHeads, attend: Attention, model: UNetConfig, sequences: int, weight: Tensor
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Product, heads and attention: forward, keeping what backward needs, and forward with backward."""
    x = random(sequences, model.context, model.width).requires_grad_(True)
    gain = random(model.heads).requires_grad_(True)
    cos, sin = rotary(model)
    upstream = random(sequences, model.context, model.heads, model.head_dim)

    @torch.compile(dynamic=False)
    def mixed(x: Tensor, weight: Tensor, gain: Tensor) -> Tensor:
        return attend(*heads(x @ weight.T, gain, cos, sin, model.heads, model.kv_heads))

    def forward() -> None:
        mixed(x, weight, gain)

    def both() -> None:
        torch.autograd.grad(mixed(x, weight, gain), (x, weight, gain), upstream)

    return Replay(forward, DEVICE), Replay(both, DEVICE)


def kernels(launch: str, model: UNetConfig, sequences: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """The forward and the backward operator by themselves, launched as ``launch`` says."""
    from tritgolf.model import heads_kernel  # noqa: PLC0415  (triton: not on a machine without a GPU)

    tile, warps = map(int, launch.split(":"))
    tables = rotary(model)
    gain = random(model.heads)
    q, k, v = (
        random(sequences, model.context, count, model.head_dim)
        for count in (model.heads, model.kv_heads, model.kv_heads)
    )
    fused = random(sequences, model.context, (model.heads + 2 * model.kv_heads) * model.head_dim)

    def launched(operator: Callable[..., object], *arguments: object) -> Callable[[], None]:
        def run() -> None:
            heads_kernel.TILE, heads_kernel.WARPS = tile, warps
            operator(*arguments)

        return Replay(run, DEVICE)

    return (
        launched(torch.ops.tritgolf.heads_forward, fused, gain, *tables, model.kv_heads),
        launched(torch.ops.tritgolf.heads_backward, q, k, v, fused, gain, *tables),
    )


def least_traffic(model: UNetConfig, tokens: int) -> dict[str, int]:
    """Bytes that each operator must read and write: every head once, forward q and k, backward also v's gradient."""
    normalized = model.heads + model.kv_heads
    every = normalized + model.kv_heads
    head = tokens * model.head_dim * BYTES
    return {"forward": 2 * normalized * head, "backward": (normalized + 2 * every) * head}


def measured_layer(arguments: argparse.Namespace, model: UNetConfig, attend: Attention) -> dict[str, Any]:
    weight = (random((model.heads + 2 * model.kv_heads) * model.head_dim, model.width) / model.width**0.5).detach()
    weight.requires_grad_(True)
    calls = {
        name: layer(heads, attend, model, arguments.sequences, weight)
        for name, heads in (("plain", make_heads), ("fast", make_heads_fast))
    }
    found: dict[str, Any] = {}
    for which, what in enumerate(("forward", "forward_backward")):
        times = interleaved({name: pair[which] for name, pair in calls.items()}, arguments.repeats)
        medians = {name: summary(each) for name, each in times.items()}
        found[what] = {
            **medians,
            "times_faster": ratios(times["plain"], times["fast"]),
            "saved_ms": medians["plain"]["median_ms"] - medians["fast"]["median_ms"],
        }
    return found


def measured_kernels(arguments: argparse.Namespace, model: UNetConfig) -> dict[str, Any]:
    from tritgolf.model import heads_kernel  # noqa: PLC0415  (triton)

    launches = arguments.launches or [f"{heads_kernel.TILE}:{heads_kernel.WARPS}"]
    calls = {launch: kernels(launch, model, arguments.sequences) for launch in launches}
    traffic = least_traffic(model, arguments.sequences * model.context)
    found: dict[str, Any] = {}
    for which, what in enumerate(("forward", "backward")):
        times = interleaved({launch: pair[which] for launch, pair in calls.items()}, arguments.repeats)
        medians = {launch: summary(each) for launch, each in times.items()}
        found[what] = {
            launch: {**each, "terabytes_per_second": traffic[what] / each["median_ms"] / 1e9}
            for launch, each in medians.items()
        }
    return found


def main() -> None:
    parser = parser_of(__doc__, sequences=64, repeats=40, attention="auto")
    parser.add_argument(
        "--launches", nargs="+", metavar="TILE:WARPS", help="launches compared (default: the kernels' own)"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON with all figures")
    arguments = parser.parse_args()

    model = unet_of(record_named(arguments.record).model, arguments.record)
    name, attend = choose_attention(arguments.attention, DEVICE, torch.bfloat16)
    settings = {"record": arguments.record, "sequences": arguments.sequences, "attention": name}
    facts = {
        "what": "between the fused product and attention",
        **settings,
        "tokens": arguments.sequences * model.context,
        "repeats": arguments.repeats,
        "layer": measured_layer(arguments, model, attend),
        "kernels": measured_kernels(arguments, model),
        "provenance": provenance(settings, {}),
    }
    write_json(arguments.out, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
