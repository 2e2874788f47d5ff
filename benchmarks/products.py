"""Time on one GPU of a layer's products alone: BF16, FP8 in three ways, and those with an epilogue of the MLP.

    python benchmarks/products.py --out measured/speed/NAME.json

*fp8* has the products of the forward pass with both sides in e4m3: one scale a *tensor*, one a *row*, or one a group
of *1x128*, by which a ternary matrix is exact and only the activations are rounded. Quantizing them takes no time
there, so these figures bound from above what FP8 could save; *from BF16* a compiled pass that quantizes them is in the
time. *epilogue* has the two kernels of ``tritgolf.model.mlp`` beside the same product and what follows it as a compiled
pass of its own. Inputs are random (time depends on them little, on zeros more: the trits are those of a normal matrix);
errors are those of the result, relative, against FP64.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from options import parser_of, record_named
from timing import interleaved, ratios, summary
from torch import Tensor
from torch.nn.functional import ScalingType

from tritgolf.config.model import UNetConfig
from tritgolf.config.models import unet_of
from tritgolf.cuda_graph import Replay
from tritgolf.files import write_json
from tritgolf.model.mlp import relu_product, slope_product
from tritgolf.provenance import provenance
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.plan import quantizer_of

DEVICE = torch.device("cuda", 0)
FP8 = torch.float8_e4m3fn
LARGEST = torch.finfo(FP8).max
GROUP = 128
CHECKED_ROWS = 4096


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, device=DEVICE).bfloat16()


def to_fp8(x: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """``x`` in e4m3, and its FP32 scales, one for all elements along ``dims``."""
    scale = x.float().abs().amax(dims, keepdim=True) / LARGEST
    return (x.float() / scale).to(FP8), scale


def by_groups(x: Tensor) -> tuple[Tensor, Tensor]:
    """One scale a group of 128 along the rows; (rows, groups), stored column by column, as the product wants them."""
    found, scale = to_fp8(x.unflatten(1, (-1, GROUP)), (2,))
    return found.flatten(1), scale[:, :, 0].T.contiguous().T


def fp8_ways(x: Tensor, ternary: Quantized) -> dict[str, Callable[[], Tensor]]:
    """x·Wᵀ in BF16 from e4m3, by the kind of its scales."""
    weight = dequantize(ternary)
    dense = {"tensor": (0, 1), "row": (1,)}
    ways: dict[str, Callable[[], Tensor]] = {}
    quantize_rows = torch.compile(functools.partial(to_fp8, dims=(1,)), dynamic=False)
    quantize_groups = torch.compile(by_groups, dynamic=False)

    def scaled(a: Tensor, of_a: Tensor, b: Tensor, of_b: Tensor) -> Tensor:
        return torch._scaled_mm(a, b.T, of_a, of_b.T, out_dtype=torch.bfloat16, use_fast_accum=True)

    def grouped(a: Tensor, of_a: Tensor, b: Tensor, of_b: Tensor) -> Tensor:
        kind = ScalingType.BlockWise1x128
        return F.scaled_mm(a, b.T, of_a, kind, of_b, kind, output_dtype=torch.bfloat16)

    for name, dims in dense.items():
        ways[name] = functools.partial(scaled, *to_fp8(x, dims), *to_fp8(weight, dims))
    trits = ternary.codes.to(FP8), ternary.scale.T.contiguous().T
    rows = to_fp8(weight, dense["row"])
    ways["1x128"] = functools.partial(grouped, *by_groups(x), *trits)
    ways["row from BF16"] = lambda: scaled(*quantize_rows(x), *rows)
    ways["1x128 from BF16"] = lambda: grouped(*quantize_groups(x), *trits)
    return ways


def relative(found: Tensor, wanted: Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())


def _discarding(function: Callable[[], Any]) -> Callable[[], None]:
    def call() -> None:
        function()

    return call


def compared(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, Any]:
    """Times of ``functions``, the first of which is the plain one."""
    replays = {name: Replay(_discarding(function), DEVICE) for name, function in functions.items()}
    times = interleaved(replays, repeats)
    plain = next(iter(times.values()))
    return {name: {**summary(found), "times_faster": ratios(plain, found)} for name, found in times.items()}


def forward_products(model: UNetConfig, tokens: int, repeats: int) -> dict[str, Any]:
    hidden = model.mlp_multiple * model.width
    shapes = {
        "attn.qkv": (model.width, (model.heads + 2 * model.kv_heads) * model.head_dim),
        "attn.proj": (model.width, model.width),
        "mlp.fc": (model.width, hidden),
        "mlp.proj": (hidden, model.width),
    }
    found: dict[str, Any] = {}
    for name, (inputs, outputs) in shapes.items():
        x = random(tokens, inputs)
        ternary = quantize(0.1 * torch.randn(outputs, inputs, device=DEVICE), quantizer_of(model.quantizer))
        weight = dequantize(ternary).bfloat16()
        ways: dict[str, Callable[[], Tensor]] = {"bf16": functools.partial(torch.mm, x, weight.T)}
        ways |= {f"fp8 {way}": function for way, function in fp8_ways(x, ternary).items()}
        wanted = x[:CHECKED_ROWS].double() @ dequantize(ternary).double().T
        errors = {way: relative(function()[:CHECKED_ROWS], wanted) for way, function in ways.items()}
        found[name] = {way: {**facts, "error": errors[way]} for way, facts in compared(ways, repeats).items()}
    return found


def epilogues(model: UNetConfig, tokens: int, repeats: int) -> dict[str, Any]:
    from tritgolf.model.mlp_kernel import relu_product_on_gpu, slope_product_on_gpu  # noqa: PLC0415  (triton)

    hidden = model.mlp_multiple * model.width
    x, upstream = random(tokens, model.width), random(tokens, model.width)
    inner, outer = random(hidden, model.width) / 20, random(model.width, hidden) / 20
    along = torch.randn(tokens, 1, device=DEVICE)

    @torch.compile(dynamic=False)
    def relu(product: Tensor) -> tuple[Tensor, Tensor]:
        activated = product.relu().square()
        return activated, activated.float().square().sum(-1, keepdim=True)

    @torch.compile(dynamic=False)
    def slope(product: Tensor, activated: Tensor) -> Tensor:
        a = activated.float()
        return (2 * a.sqrt() * (product.float() - along * a)).bfloat16()

    activated, _ = relu_product(x, inner)
    rows = slice(CHECKED_ROWS)
    exact, _ = relu_product(x[rows].double(), inner.double())
    exact_slope = slope_product(upstream[rows].double(), outer.double(), activated[rows].double(), along[rows].double())
    sides = {
        "relu": {"plain": lambda: relu(x @ inner.T)[0], "fast": lambda: relu_product_on_gpu(x, inner)[0]},
        "slope": {
            "plain": lambda: slope(upstream @ outer, activated),
            "fast": lambda: slope_product_on_gpu(upstream, outer, activated, along),
        },
    }
    found: dict[str, Any] = {}
    for name, wanted in (("relu", exact), ("slope", exact_slope)):
        errors = {path: relative(function()[rows], wanted) for path, function in sides[name].items()}
        found[name] = {path: {**facts, "error": errors[path]} for path, facts in compared(sides[name], repeats).items()}
    return found


def main() -> None:
    parser = parser_of(__doc__, sequences=64, repeats=40)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON with all figures")
    arguments = parser.parse_args()

    model = unet_of(record_named(arguments.record).model, arguments.record)
    tokens = arguments.sequences * model.context
    settings = {"record": arguments.record, "tokens": tokens, "repeats": arguments.repeats}
    facts = {
        "what": "products of a layer",
        **settings,
        "forward": forward_products(model, tokens, arguments.repeats),
        "epilogue": epilogues(model, tokens, arguments.repeats),
        "provenance": provenance(settings, {}),
    }
    write_json(arguments.out, facts)
    print(arguments.out.read_text())


if __name__ == "__main__":
    main()
