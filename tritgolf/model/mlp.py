"""What the MLP adds to the residual stream, and the products of a form made for a GPU (``joined`` is all of it).

x + scale · RMSNorm(relu²(RMSNorm(x)·innerᵀ))·outerᵀ. Neither norm need be a pass over memory: the outer one only scales
a token's row, which may be done after the product; and since relu² is homogeneous, the inner one cancels in the outer
one, but for its epsilon, which a token's mean square of x then scales. So relu² and the sum of its squares are made in
the first product's epilogue (``relu_product``), and all elementwise work of the way back in another's
(``slope_product``): of the hidden activations one tensor is written and kept, and products alone read it.
"""

import torch
from torch import Tensor, nn

from tritgolf.model.layers import rms_norm
from tritgolf.model.residual import add_scaled, at_least_fp32, product


def normed_relu2(x: Tensor) -> Tensor:
    """relu², normalized; the shape of ``x``."""
    return rms_norm(x.relu().square())


def add_mlp(residual: Tensor, scale: Tensor, inner: Tensor | nn.Module, outer: Tensor | nn.Module) -> Tensor:
    """The formula; shapes (…, width), (width,), (hidden, width), (width, hidden) → (…, width)."""
    return add_scaled(residual, scale, normed_relu2(product(rms_norm(residual), inner)), outer)


def relu_product(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """a = relu²(x·weightᵀ), (tokens, hidden), in the dtype of ``x``, and sums of its squares.

    The sums are (tokens, any number of parts), in FP32 or wider: a token's parts add up to Σ a².
    """
    if has_kernels(x, weight):
        from tritgolf.model.mlp_kernel import relu_product_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return relu_product_on_gpu(x, weight)
    activated = (x @ weight.T).relu().square()
    return activated, at_least_fp32(activated).square().sum(-1, keepdim=True)


def slope_product(upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor) -> Tensor:
    """2·√a·(upstream·weight − along·a), the gradient before relu², where a = ``activated`` = relu² of something.

    Shapes (tokens, width), (width, hidden), (tokens, hidden), and (tokens, 1) of ``along``, FP32 or wider.
    """
    if has_kernels(upstream, weight):
        from tritgolf.model.mlp_kernel import slope_product_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return slope_product_on_gpu(upstream, weight, activated, along)
    a = at_least_fp32(activated)
    return (2 * a.sqrt() * (at_least_fp32(upstream @ weight) - along * a)).to(activated.dtype)


def has_kernels(x: Tensor, weight: Tensor) -> bool:
    """BF16 on a GPU, rows of whole 16 bytes: what its bulk copies want."""
    return x.is_cuda and x.dtype == torch.bfloat16 and all(size % 8 == 0 for size in weight.shape)
