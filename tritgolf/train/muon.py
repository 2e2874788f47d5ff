"""Muon: momentum, row normalization, three Newton–Schulz steps (Jordan et al., 2024; as in #640).

Written for stacks of equal matrices, (matrices, rows, columns): one batched product serves ten layers.
"""

import torch
from torch import Tensor

from tritgolf.model.layers import rms_norm

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalize(gradient: Tensor, iterations: int) -> Tensor:
    """Approximate the nearest semi-orthogonal matrix of each of (matrices, rows, columns), BF16 Newton–Schulz.

    Rows are RMS-normalized first; the result is BF16, times √max(1, rows/columns).
    """
    rows, columns = gradient.shape[-2:]
    x = rms_norm(gradient.float())
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    if rows > columns:
        x = x.transpose(-1, -2)
    a, b, c = COEFFICIENTS
    for _ in range(iterations):
        gram = x @ x.transpose(-1, -2)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    if rows > columns:
        x = x.transpose(-1, -2)
    return x * max(1.0, rows / columns) ** 0.5


@torch.no_grad()
def muon_step(
    weight: Tensor, gradient: Tensor, momentum_buffer: Tensor, *, lr: Tensor, momentum: Tensor, iterations: int
) -> None:
    """Update ``weight`` and ``momentum_buffer`` in place: buf ← m·buf + g; g ← g + m·buf; w ← w − lr·orthogonal(g).

    All three are FP32 (matrices, rows, columns); ``lr`` and ``momentum`` are FP32 scalars. No weight decay.
    """
    momentum_buffer.mul_(momentum).add_(gradient)
    nesterov = gradient + momentum * momentum_buffer
    weight.sub_(orthogonalize(nesterov, iterations).float() * lr)
