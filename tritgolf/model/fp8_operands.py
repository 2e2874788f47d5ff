"""What FP8 products on a GPU multiply: passes that round to e4m3 and leave both layouts a product may want.

FP8 products read both sides along the dimension that is summed over. Weights' gradients sum over tokens, so whatever
they read has a copy that is *turned*: (columns, tokens), and in it, of every 16 tokens, r and r + 8 side by side, as a
thread of a product's tile has them. A sum does not mind, as long as both sides have one order.

Each function is the definition in plain torch, and calls its kernel where that can run.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from tritgolf.model.fp8 import GRADIENTS, INPUTS, multiply, normed_power, to_e4m3
from tritgolf.model.layers import RMS_EPSILON
from tritgolf.model.residual import at_least_fp32
from tritgolf.quantize.powers import power_of

TOKENS = 16  # whole ones are turned


def turned(codes: Tensor) -> Tensor:
    """(tokens, columns) → (columns, tokens), tokens in their turned order."""
    return codes.unflatten(0, (-1, 2, TOKENS // 2)).permute(3, 0, 2, 1).flatten(1)


def normed_codes(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """RMSNorm(``x``) in e4m3, both layouts; its power; one over the RMS, (tokens, 1), FP32 or wider."""
    power = normed_power(x.shape[-1])
    if has_kernels(x):
        from tritgolf.model.fp8_kernel import normed_codes_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return normed_codes_on_gpu(x, power)
    wide = at_least_fp32(x)
    inverse = (wide.square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
    as_tensor = torch.tensor(power, device=x.device)
    codes = to_e4m3(wide * inverse, as_tensor)
    return codes, turned(codes), as_tensor, inverse


def gradient_codes(x: Tensor, factors: Tensor | None, largest: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``x`` (tokens, columns), times ``factors`` (columns,) if any, in e4m3, both layouts; their power; what was seen.

    The power is that of ``largest``, as ``Fp8Weight`` has it; so is what was seen, with no inputs.
    """
    if has_kernels(x):
        from tritgolf.model.fp8_kernel import gradient_codes_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return gradient_codes_on_gpu(x, factors, largest)
    wide = at_least_fp32(x) if factors is None else at_least_fp32(x) * factors
    power = power_of(largest[GRADIENTS])
    codes = to_e4m3(wide, power)
    return codes, turned(codes), power, _seen(gradients=wide.abs().amax())


def outer_gradient_codes(
    above: Tensor, product: Tensor, scale: Tensor, inverse: Tensor, before: Tensor, largest: Tensor, hidden: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradient of ``product`` where ``scale`` · ``inverse`` · ``product`` was added, as ``gradient_codes``; more.

    ``above``, ``product``: (tokens, width); ``scale``: (width,); ``inverse``: (tokens, 1); ``before``: what was seen on
    the way there, whose inputs are kept. Then what ``slope_codes``
    is told *along* (tokens, 1), where ``inverse`` is one over the RMS of ``hidden`` numbers; and shares (any number,
    width), whose sum is the gradient of ``scale``. Both FP32 or wider.
    """
    if has_kernels(above):
        from tritgolf.model.fp8_stream_kernel import outer_gradient_codes_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

        return outer_gradient_codes_on_gpu(above, product, scale, inverse, before, largest, hidden)
    wide = inverse * at_least_fp32(above)
    shares = wide * product
    along = inverse.square() / hidden * (shares * scale).sum(-1, keepdim=True)
    codes, codes_turned, power, seen = gradient_codes(wide, scale, largest)
    return codes, codes_turned, power, torch.maximum(seen, before), along, shares


def added_codes(residual: Tensor, scale: Tensor, product: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """x = ``residual`` + ``scale`` · ``product`` in its dtype, (tokens, width), and ``normed_codes`` of it."""
    if has_kernels(residual):
        from tritgolf.model.fp8_stream_kernel import added_codes_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return added_codes_on_gpu(residual, scale, product, normed_power(residual.shape[-1]))
    added = (at_least_fp32(residual) + at_least_fp32(scale) * product).to(residual.dtype)
    return added, *normed_codes(added)


def added_gradient_codes(
    above: Tensor, of_normed: Tensor, x: Tensor, inverse: Tensor, scale: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradient of x, ``above`` and what comes back through its norm, in its dtype; ``gradient_codes`` of it scaled.

    ``of_normed``: the gradient of RMSNorm(x) = x · ``inverse``.
    """
    if has_kernels(x):
        from tritgolf.model.fp8_stream_kernel import added_gradient_codes_on_gpu  # noqa: PLC0415  (Triton, as above)

        return added_gradient_codes_on_gpu(above, of_normed, x, inverse, scale, largest)
    of_x = at_least_fp32(above) + before_norm(of_normed, x, inverse)
    return of_x.to(x.dtype), *gradient_codes(of_x, scale, largest)


def boundary_codes(
    of_u: Tensor, of_normed: Tensor, u: Tensor, u_inverse: Tensor, of_x: Tensor | None, y: Tensor, product: Tensor,
    by_row: Tensor, skip: Tensor | None, mix: Tensor, skip_weight: Tensor | None, scale: Tensor, before: Tensor,
    largest: Tensor, hidden: int,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Back through u's norm, u = ``mix``·(x + ``skip_weight``·``skip``) + …, and x.

    x is ``y`` + ``scale``·``by_row``·``product``; ``of_u``, ``of_x`` (if any) are gradients, but for what comes back
    through u's norm, ``of_normed``. Streams: (tokens, width). Results: those of ``outer_gradient_codes``, with shares
    (any number, 3, width) of mix · (x alone), ``scale``, mix · ``skip``; gradients of u, x, ``skip`` (empty if none).
    """
    if has_kernels(u):
        from tritgolf.model.fp8_boundary_kernel import boundary_codes_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

        return boundary_codes_on_gpu(
            of_u,
            of_normed,
            u,
            u_inverse,
            of_x,
            y,
            product,
            by_row,
            skip,
            mix,
            skip_weight,
            scale,
            before,
            largest,
            hidden,
        )
    gradient = at_least_fp32(of_u) + before_norm(of_normed, u, u_inverse)
    to_x = mix * gradient
    to_skip = u.new_empty(0) if skip_weight is None else (skip_weight * to_x).to(u.dtype)
    to_x = to_x if of_x is None else to_x + of_x
    *found, along, of_scale = outer_gradient_codes(to_x, product, scale, by_row, before, largest, hidden)
    of_mix = gradient * (y + scale * by_row * product)
    of_weight = torch.zeros_like(of_mix) if skip is None else gradient * skip
    shares = torch.stack((of_mix, of_scale, of_weight), 1)
    return *found, along, shares, gradient.to(u.dtype), to_x.to(u.dtype), to_skip


def before_norm(gradient: Tensor, x: Tensor, inverse: Tensor) -> Tensor:
    """The gradient of ``x``, FP32 or wider, from that of RMSNorm(x) = x · ``inverse``."""
    normed = at_least_fp32(x) * inverse
    wide = at_least_fp32(gradient)
    return inverse * (wide - normed * (wide * normed).mean(-1, keepdim=True))


def relu_codes(
    x: Tensor, weight: Tensor, x_power: Tensor, weight_power: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """a = relu²(x·weightᵀ) of e4m3 sides in e4m3, both layouts; its power, that of ``largest``; what was seen; sums.

    The sums are (tokens, any number of parts): a token's add up to Σ a², of the rounded a as it is stored.
    """
    if has_kernels(x):
        from tritgolf.model.fp8_mlp_kernel import relu_codes_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return relu_codes_on_gpu(x, weight, x_power, weight_power, largest)
    activated = multiply(x, weight, x_power * weight_power).relu().square()
    power = power_of(largest[INPUTS])
    codes = to_e4m3(activated, power)
    return codes, turned(codes), power, _seen(activated.amax()), codes.float().square().sum(-1, keepdim=True)


def slope_codes(
    upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor, powers: tuple[Tensor, Tensor, Tensor],
    largest: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """2·√a·(upstream·weightᵀ − along·a), the gradient before relu², as ``gradient_codes``; all sides in e4m3.

    ``activated``: relu², turned; ``powers``: of ``upstream``, ``weight``, ``activated``; ``largest``: of the result.
    """
    of_upstream, of_weight, of_activated = powers
    if has_kernels(upstream):
        from tritgolf.model.fp8_mlp_kernel import slope_codes_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return slope_codes_on_gpu(upstream, weight, activated, along, *powers, largest)
    a = turned_back(activated).float() * of_activated
    return gradient_codes(
        2 * a.sqrt() * (multiply(upstream, weight, of_upstream * of_weight) - along * a), None, largest
    )


def turned_back(codes: Tensor) -> Tensor:
    """What ``turned`` turned: (columns, tokens) → (tokens, columns)."""
    return codes.unflatten(1, (-1, TOKENS // 2, 2)).permute(1, 3, 2, 0).flatten(0, 2)


def _seen(inputs: Tensor | None = None, gradients: Tensor | None = None) -> Tensor:
    """(2,) FP32, as ``Fp8Weight.largest``; of either."""
    if inputs is not None:
        return F.pad(inputs.float().view(1), (0, 1))
    assert gradients is not None
    return F.pad(gradients.float().view(1), (1, 0))


def product_of(a: Tensor, b: Tensor, a_power: Tensor, b_power: Tensor, dtype: torch.dtype) -> Tensor:
    """a·bᵀ · both powers, of e4m3 (m, k), (n, k) → (m, n) of ``dtype``; summed up in FP32, or a GPU's fast way."""
    if has_kernels(a):
        from tritgolf.model.fp8_kernel import product_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return product_on_gpu(a, b, a_power, b_power, dtype)
    return multiply(a, b, a_power * b_power).to(dtype)


def has_kernels(x: Tensor) -> bool:
    """On a GPU, BF16 or e4m3, and whole parts of 16 in every direction: what its FP8 products want."""
    return x.is_cuda and x.dtype in (torch.bfloat16, torch.float8_e4m3fn) and all(n % TOKENS == 0 for n in x.shape)
