"""The ternary U-Net: factored embedding, encoder blocks, decoder blocks with skips, tied head.

Parameter names are the published ones (``tok_emb.weight``, ``blocks.N.attn.c_qkv.weight`` …), so that a state dict and
a published artifact speak of the same tensors.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.lossless import used_mixes
from tritgolf.config.model import UNetConfig
from tritgolf.model.attention import Attention, math_attention
from tritgolf.model.blocks import Block
from tritgolf.model.layers import QuantizedLinear, rms_norm
from tritgolf.model.network import Head
from tritgolf.model.phase import Phase
from tritgolf.model.rotary import rotary_tables
from tritgolf.model.shared_input import Share, shares_of
from tritgolf.quantize.rounding import DTYPES, rounded_once, rounded_through


class UNet(nn.Module):
    """Tokens to hidden states; the loss (``tritgolf.model.loss``) turns hidden states into nats.

    Master weights are FP32, the table BF16 (#640 on); everything is computed in ``model.compute``. ``fused``: train by
    forms of the same formulas that are made for a GPU.
    """

    block_class: type[Block] = Block

    def __init__(self, model: UNetConfig, attend: Attention = math_attention, *, fused: bool = False) -> None:
        super().__init__()
        self.model, self.fused = model, fused
        self.dtype = DTYPES[model.compute]
        self.rounded = rounded_once if fused else rounded_through
        self.skip_weights = nn.Parameter(torch.ones(model.layers // 2, model.width))
        self.vocab_bias = nn.Parameter(torch.zeros(model.vocab_size))
        self.tok_emb = nn.Embedding(model.vocab_size, model.embed_dim, dtype=torch.bfloat16)
        self.embed_proj = nn.Linear(model.embed_dim, model.width, bias=False)
        self.embed_proj_rev = nn.Linear(model.width, model.embed_dim, bias=False)
        self.blocks = nn.ModuleList(self.block_class(model, attend, fused) for _ in range(model.layers))
        cos, sin = rotary_tables(model, model.context, self.dtype)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def embed(self, tokens: Tensor) -> Tensor:
        """(batch, positions) ids → (batch, positions, width)."""
        table, proj = F.embedding(tokens, self.tok_emb.weight), self.embed_proj.weight
        if self.model.fp8_embedding:
            table, proj = rounded_through(table, "e4m3"), rounded_through(proj, "e4m3")
        return rms_norm(F.linear(table.to(self.dtype), proj.to(self.dtype)))

    def forward(self, tokens: Tensor, tail: int | None = None) -> Tensor:
        """(batch, positions ≤ context) ids → hidden states (batch, positions, embed_dim) for the tied head.

        With ``tail`` those of the last so many positions. They need all positions up to the last block's keys and
        values, so the rest of the last block, the last norm and the projection are all that can be left out.
        """
        cos, sin = self.get_buffer("cos")[: tokens.shape[1]], self.get_buffer("sin")[: tokens.shape[1]]
        x = self.embed(tokens)
        inputs = self._inputs(x)
        encoders = self.model.layers // 2
        skip_weights = self.rounded(self.skip_weights, used_mixes(self.model)).to(x.dtype)
        skips: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            if index >= encoders and skips:
                x = x + skip_weights[index - encoders] * skips.pop()
            x = block(x, inputs[index], cos, sin, tail if index == len(self.blocks) - 1 else None)
            if index < encoders:
                skips.append(x)
        return self.project(x)

    def project(self, x: Tensor) -> Tensor:
        """From the last block's result to hidden states."""
        proj = self.embed_proj_rev.weight
        if self.model.fp8_embedding:
            proj = rounded_through(proj, "e4m3")
        return F.linear(rms_norm(x), proj.to(self.dtype))

    def _inputs(self, x0: Tensor) -> list[Tensor] | list[Share]:
        """What each block mixes its input with."""
        if not self.fused:
            return [x0] * len(self.blocks)
        mixes = torch.stack([block.get_parameter("resid_mix") for block in self.blocks])
        return shares_of(x0, self.rounded(mixes, used_mixes(self.model)).to(x0.dtype))

    def head(self) -> Head:
        """The tied head, as the loss is to use it: rounded (straight-through) where the model is trained so."""
        table = rounded_through(self.tok_emb.weight, self.model.head_table)
        return Head(table, rounded_through(self.vocab_bias, self.model.vectors), self.model.softcap)

    def enter(self, phase: Phase) -> None:
        """Every phase is the same here: no layer repeats."""

    def linears(self) -> Iterator[tuple[str, QuantizedLinear]]:
        """(name of its weight, layer) of every matrix of a block, in state-dict order."""
        for name, module in self.named_modules():
            if isinstance(module, QuantizedLinear):
                yield f"{name}.weight", module
