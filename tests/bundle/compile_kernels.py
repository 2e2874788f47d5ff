"""Compiles the kernels of a script's modules for a Hopper GPU, which needs none: python compile_kernels.py FOLDER.

Triton's interpreter takes what its compiler does not (a variable where a shape wants a constant). One line a kernel.
"""

import importlib
import sys
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

HALF_TYPE, WIDE, COUNT = "*bf16", "*fp32", "i32"
PRODUCT = {"COMMON": 64, "WIDTH": 512, "TURNS": 2, "ROWS": 128, "COLUMNS": 256, "DEPTH": 64, "BAND": 8}
FP8_PRODUCT = {**PRODUCT, "DEPTH": 128}
PASS = {"WIDTH": 512, "TOKENS": 64, "CHUNK": 64}
HEADS = {"HEADS": 2, "KV_HEADS": 1, "ROWS": 16, "COLUMNS": 64}
# What an argument is, by its name in any kernel, where it is no pointer to BF16.
TYPES = dict.fromkeys(("tokens", "positions", "stride", "v_stride", "channel_stride"), COUNT)
TYPES |= dict.fromkeys(("epsilon", "smallest", "scale", "cap", "z_loss", "weight"), "fp32") | {"targets": "*i64"}
TYPES |= {"hidden": COUNT, "power": "fp32", "codes": "*fp8e4nv", "turned": "*i16"}
TYPES |= dict.fromkeys(("u_inverses", "by_rows", "largest", "seen", "before", "inverses", "alongs", "power_used"), WIDE)
TYPES |= dict.fromkeys(("x_power", "weight_power", "upstream_power", "activated_power"), WIDE)
TYPES |= dict.fromkeys(("shares", "squares", "along", "bias", "nats", "lses", "a", "b", "c"), WIDE)
E4M3, TURNED = (128, 128, "fp8e4nv"), (128, 64, "i16")
TYPES |= dict.fromkeys(("of_product", "of_residual"), WIDE)
LEAKY_SLOPE = {"upstream": (128, 64), "weight": (64, 256), "hidden": (128, 128), "gradient": (128, 128)}
JOINED = {"inputs": (128, 64), "residual": (128, 128), "joined": (128, 128)}
# Module → kernel (and which of its forms) → its constants, and arguments that are descriptors, by their tiles
# (of BF16 unless said), or of another type than their name says.
KERNELS = {
    "joined_kernel": {
        "_join_kernel forward": (PRODUCT, {**JOINED, "weight": (256, 64), "scale": HALF_TYPE}),
        "_join_kernel back": ({**PRODUCT, "scale": None}, {**JOINED, "weight": (64, 256)}),
    },
    "shared_input_kernel": {
        "_input_kernel": (
            {"BLOCKS": 2, "WIDTH": 768, "ROWS": 64, "COLUMNS": 64},
            {"gradients": (HALF_TYPE, HALF_TYPE)},
        ),
    },
    "mlp_kernel": {
        "_relu_kernel": (PRODUCT, {"x": (128, 64), "weight": (256, 64), "activated": (128, 256)}),
        "_slope_kernel": (
            PRODUCT,
            {"upstream": (128, 64), "weight": (64, 256), "activated": (128, 128), "gradient": (128, 128)},
        ),
    },
    "leaky_mlp_kernel": {
        "_leaky_kernel": (
            {**PRODUCT, "SLOPE": 0.5},
            {"x": (128, 64), "weight": (256, 64), "hidden": (128, 128), "activated": (128, 128)},
        ),
        "_slope_kernel": ({**PRODUCT, "SLOPE": 0.5, "NORMED": False, "along": None}, LEAKY_SLOPE),
        "_slope_kernel normed": ({**PRODUCT, "SLOPE": 0.5, "NORMED": True}, LEAKY_SLOPE),
    },
    "heads_kernel": {name: ({**HEADS, "HALF": 48}, {}) for name in ("_forward_kernel", "_backward_kernel")},
    "fp8_kernel": {name: (PASS, {}) for name in ("_norm_kernel", "_round_kernel")},
    "fp8_boundary_kernel": {
        "_boundary_kernel to keep": ({**PASS, **dict.fromkeys(("skip", "skip_weights", "of_skip"))}, {}),
        "_boundary_kernel with a skip": ({**PASS, "of_x": None}, {}),
    },
    "fp8_stream_kernel": {name: (PASS, {}) for name in ("_added_kernel", "_added_gradient_kernel", "_outer_kernel")},
    "fp8_mlp_kernel": {
        "_relu_kernel": (
            FP8_PRODUCT,
            {"x": E4M3, "weight": (256, *E4M3[1:]), "codes": (128, 256, "fp8e4nv"), "turned": (256, 64, "i16")},
        ),
        "_slope_kernel": (
            FP8_PRODUCT,
            {"upstream": E4M3, "weight": (256, *E4M3[1:]), "codes": E4M3, "activated": TURNED, "turned": TURNED},
        ),
    },
    "fp8_weights_kernel": {
        "_scale_kernel": (
            {"GROUP": 80, "COLUMNS": 128, "GROUPS": 32, "SQUARES": True},
            {"weight": WIDE, "scales": WIDE, "groups": COUNT},
        ),
        "_code_kernel": (
            {"WIDTH": 512, "GROUP": 128, "COLUMNS": 128, "QUADS": 32},
            {"weight": WIDE, "scales": WIDE, "powers": WIDE, "codes": "*u8", "turned": "*i32", "rows": COUNT},
        ),
    },
    "fp8_heads_kernel": {"_backward_kernel": ({**HEADS, "HALF": 48, "ROWS": 64}, {})},
    "partial_heads_kernel": {
        name: ({**HEADS, "WIDTH": 64, "HALF": 8, "VECTOR": 8}, {}) for name in ("_forward_kernel", "_backward_kernel")
    },
    "mixed_heads_kernel": {
        name: ({**HEADS, "WIDTH": 64, "CHANNELS": 12, "SPAN": 16}, {})
        for name in ("_forward_kernel", "_backward_kernel")
    },
    "streams_kernel": {
        "_backward_kernel": ({"WIDTH": 512, "COLUMNS": 512, "CHANNELS": 12, "ROWS": 2, "TURNS": 2}, {}),
    },
    "fused_loss_kernel": {"_row_kernel": ({"VOCABULARY": 1000, "BLOCK": 1024, "TANH": True, "scale": None}, {})},
}


def type_of(tile):
    """A descriptor's of such tiles; another type is as it is."""
    numbers = isinstance(tile, tuple) and isinstance(tile[0], int)
    if not numbers:
        return tile
    rows, columns, *kind = tile
    return f"tensordesc<{kind[0] if kind else 'bf16'}[{rows},{columns}]>"


def compile_kernel(kernel, constants, tiles):
    """Compile it with ``constants``; raises what Triton raises."""
    signature = {name: TYPES.get(name, HALF_TYPE) for name in kernel.arg_names}
    signature |= {name: type_of(tile) for name, tile in tiles.items()}
    signature |= dict.fromkeys(constants, "constexpr")
    values = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, signature, values)
    triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8 if tiles else 4})


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.path.insert(0, str(folder))
    for module, kernels in KERNELS.items():
        if (folder / f"{module}.py").is_file():
            for name, arguments in kernels.items():
                kernel = getattr(importlib.import_module(module), name.split()[0], None)
                if kernel is not None:
                    compile_kernel(kernel, *arguments)
                    print(f"{module}.{name}")
