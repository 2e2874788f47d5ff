"""A U-Net's forward pass alone, of whole weights and few kernels: what scores a text on a GPU, uncompiled.

The same function as the network's, within rounding. Weights are cast once, and all that hangs on a token alone, the
first block's q, k and v included, is a table of the vocabulary. A block is its products, attention, and four kernels:
heads, the two products' epilogues (``joined``), and ``begin``, which ends a block and begins the next.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from tritgolf.config.lossless import used_mixes
from tritgolf.model.blocks import Block
from tritgolf.model.heads import make_heads_fast
from tritgolf.model.joined import join
from tritgolf.model.layers import RMS_EPSILON, rms_norm
from tritgolf.model.mlp import has_kernels, relu_product
from tritgolf.model.residual import at_least_fp32
from tritgolf.model.unet import UNet
from tritgolf.quantize.rounding import rounded_through


class Matrices(NamedTuple):
    """A block's matrices and vectors as they are used, but its mix."""

    qkv: Tensor
    proj: Tensor
    inner: Tensor
    outer: Tensor
    gain: Tensor
    attn_scale: Tensor
    mlp_scale: Tensor


class Ended(NamedTuple):
    """A block's result, to be made: ``y`` + ``scale`` · ``by_row`` · ``product``; (tokens, width), (width,), …"""

    y: Tensor
    product: Tensor
    by_row: Tensor
    scale: Tensor

    def result(self) -> Tensor:
        """It, in the dtype of ``y``."""
        return (self.y + self.scale * (self.by_row * self.product)).to(self.y.dtype)


class Pass:
    """The pass of ``network`` as it is now; it has no smear. ``head``: the network's."""

    def __init__(self, network: UNet) -> None:
        self.network, self.head = network, network.head()
        model = network.model
        blocks = [cast(Block, block) for block in network.blocks]
        self.attend = blocks[0].attn.attend
        self.blocks = [_matrices(block, network.dtype) for block in blocks]
        vectors = (network.skip_weights, *(block.resid_mix for block in blocks))
        rounded = (rounded_through(vector, used_mixes(model)).to(network.dtype) for vector in vectors)
        self.skips, *self.mixes = (at_least_fp32(vector) for vector in rounded)
        self.encoders = len(blocks) // 2
        # The first decoder block's skip is the last encoder block's result, which it reads anyway.
        of_x, of_x0 = self.mixes[self.encoders]
        self.mixes[self.encoders] = torch.stack((of_x * (1 + self.skips[0]), of_x0))
        self.input = network.embed(torch.arange(model.vocab_size, device=self.skips.device)[None])[0]
        self.first = ((self.mixes[0][0] + self.mixes[0][1]) * self.input).to(network.dtype)
        self.first_qkv = F.linear(rms_norm(self.first), self.blocks[0].qkv)

    def __call__(self, tokens: Tensor, tail: int) -> Tensor:
        """(batch, positions) ids → hidden states of the last ``tail`` positions, (batch, tail, embed_dim)."""
        x0, x, qkv = (F.embedding(tokens, table) for table in (self.input, self.first, self.first_qkv))
        skips: list[Tensor] = []
        for index in range(len(self.blocks) - 1):
            ended = self._block(index, x, qkv, tokens.shape[1])
            after, keep = index + 1, index < self.encoders - 1
            skip, weight = None, None
            if after > self.encoders and skips:
                skip, weight = skips.pop(), self.skips[after - self.encoders]
            summed, x, normed = begin(ended, x0, self.mixes[after], skip, weight, keep)
            skips += [summed] if keep else []
            qkv = F.linear(normed, self.blocks[after].qkv)
        x = self._block(len(self.blocks) - 1, x[:, -tail:], qkv, tail).result()
        return self.network.project(x).view(len(tokens), tail, -1)

    def _block(self, index: int, x: Tensor, qkv: Tensor, asking: int) -> Ended:
        """A block after its product for q, k, v: (batch, positions, …); the last positions ask."""
        model, block = self.network.model, self.blocks[index]
        cos, sin = (self.network.get_buffer(name)[: qkv.shape[1]] for name in ("cos", "sin"))
        q, k, v = make_heads_fast(qkv, block.gain, cos, sin, model.heads, model.kv_heads)
        mixed = self.attend(q[:, -asking:], k, v).flatten(0, 1).flatten(1)
        return _after_attention(x.flatten(0, 1), mixed, block)


def pass_by_kernels(network: UNet) -> Pass | None:
    """Its pass, where all kernels are for its device, dtype and sizes; a smear's mean has none."""
    wanted = network.dtype == torch.bfloat16 and not network.model.smear
    fit = all(has_kernels(network.tok_emb.weight, layer.weight) for _, layer in network.linears())
    return Pass(network) if wanted and fit else None


def _matrices(block: Block, dtype: torch.dtype) -> Matrices:
    layers = (block.attn.c_qkv, block.attn.proj, block.mlp.fc, block.mlp.proj)
    vectors = (block.attn.q_gain, block.attn_scale, block.mlp_scale)
    rounded = (rounded_through(vector, block.vectors).to(dtype) for vector in vectors)
    return Matrices(*(layer.used_weight(dtype) for layer in layers), *rounded)


def _after_attention(x: Tensor, mixed: Tensor, block: Matrices) -> Ended:
    """``joined.add_both``'s forward pass, but for its last sum: (tokens, width) both."""
    wide = torch.promote_types(x.dtype, torch.float32)
    squares_of_mixed = torch.linalg.vector_norm(mixed, dim=-1, keepdim=True, dtype=wide).square()
    norm = (squares_of_mixed / mixed.shape[-1] + RMS_EPSILON).rsqrt()
    y, squares = join(mixed, block.proj, x.contiguous(), norm, torch.ones_like(norm), block.attn_scale)
    activated, squares_of_activated = relu_product(y, block.inner)
    epsilon = RMS_EPSILON * (squares.sum(-1, keepdim=True) / y.shape[-1] + RMS_EPSILON).square()
    inverse = (squares_of_activated.sum(-1, keepdim=True) / activated.shape[-1] + epsilon).rsqrt()
    return Ended(y, activated @ block.outer.T, inverse, block.mlp_scale)


def begin(
    ended: Ended, x0: Tensor, mix: Tensor, skip: Tensor | None, skip_weight: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """x, the last block's result, if it is to be kept; u = mix₀·(x + skip_weight·skip) + mix₁·x0; RMSNorm(u).

    ``x0`` and ``skip``: (batch, positions, width), as the results are.
    """
    if has_kernels(ended.y, ended.scale):
        from tritgolf.model.begin_kernel import begin_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return begin_on_gpu(*ended, x0, mix, skip, skip_weight, keep)
    x = at_least_fp32(ended.result()).view_as(x0)
    joined = x if skip is None or skip_weight is None else x + skip_weight * skip
    u = (mix[0] * joined + mix[1] * x0).to(x0.dtype)
    return x.to(x0.dtype), u, rms_norm(u)
