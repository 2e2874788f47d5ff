"""The recurrent transformer of the SP8192 line (sp8192-spec: #1716): input, encoder, decoder with skips, tied head.

Parameter names are the published ones, so that a state dict and a published artifact speak of the same tensors.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.transformer import TransformerConfig
from tritgolf.model.attention import Attention, math_attention
from tritgolf.model.layers import QuantizedLinear, rms_norm
from tritgolf.model.network import Head
from tritgolf.model.parts.bigram import Bigram
from tritgolf.model.parts.gates import blend_skip
from tritgolf.model.parts.recurrence import runs_of, skip_rows
from tritgolf.model.parts.rotary import in_precision, plain_frequencies, position_tables
from tritgolf.model.parts.smear import add_previous
from tritgolf.model.phase import Phase
from tritgolf.model.streams import Streams, blended
from tritgolf.model.transformer_block import Block
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.quantize.rounding import DTYPES


class Transformer(nn.Module):
    """Tokens to hidden states; the head turns them into nats. It begins in the first phase, without recurrence.

    Master weights are FP32, the two tables in ``model.compute``, in which everything is computed. ``fused``: in forms
    made for training on a GPU, the same within rounding, where every position asks. ``logit_temp`` is a constant of 1
    that the published code saves with the weights and averages with them, and that no optimizer has.
    """

    logit_temp: Tensor

    def __init__(self, model: TransformerConfig, attend: Attention = math_attention, *, fused: bool = False) -> None:
        super().__init__()
        self.model, self.fused = model, fused
        self.dtype = DTYPES[model.compute]
        self.enter(Phase())
        gates, skips = model.gates, (skip_rows(model), model.width)
        if gates.smear is not None:
            self.smear_lambda = nn.Parameter(torch.zeros(1))
        self.skip_weights = nn.Parameter(torch.ones(skips))
        if gates.skips:
            self.skip_gates = nn.Parameter(torch.zeros(skips))
        self.register_buffer("logit_temp", torch.ones((), dtype=self.dtype))
        self.tok_emb = nn.Embedding(model.vocab_size, model.width, dtype=self.dtype)
        if model.bigram is not None:
            self.bigram = Bigram(model.bigram.buckets, model.bigram.width, model.width, self.dtype)
        if gates.smear is not None:
            self.smear_gate = QuantizedLinear(gates.smear, 1)
        self.blocks = nn.ModuleList(Block(model, layer, attend, fused) for layer in range(model.layers))
        frequencies = in_precision(plain_frequencies(model.rotary_dims, model.rotary_base), model.rotary_frequencies)
        cos, sin = position_tables(frequencies, model.context, self.dtype)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def enter(self, phase: Phase) -> None:
        """Run the repeated layers again, or once only; whatever was compiled or recorded before is of another phase."""
        self.runs = runs_of(self.model, phase.recurrence)

    def embed(self, tokens: Tensor) -> Tensor:
        """(batch, positions) ids → (batch, positions, width)."""
        x = F.embedding(tokens, self.tok_emb.weight)
        if self.model.bigram is not None:
            x = x + self.bigram(tokens)
        x = rms_norm(x)
        channels = self.model.gates.smear
        if channels is None:
            return x
        return add_previous(x, self.smear_gate(x[..., :channels]), self.smear_lambda.to(x.dtype))

    def forward(self, tokens: Tensor, tail: int | None = None) -> Tensor:
        """(batch, positions ≤ context) ids → hidden states (batch, positions, width) for the tied head.

        With ``tail`` those of the last so many positions: the last block computes no more than their keys and values
        of the others.
        """
        cos, sin = self.get_buffer("cos")[: tokens.shape[1]], self.get_buffer("sin")[: tokens.shape[1]]
        x = x0 = self.embed(tokens)
        skips: list[Tensor] = []
        for layer in self.runs.encoder:
            x = self.blocks[layer](x, x0, cos, sin)
            skips.append(x)
        last = len(self.runs.decoder) - 1
        for row, layer in enumerate(self.runs.decoder):
            entering = self._with_skip(row, x, skips.pop()) if skips else x
            x = self.blocks[layer](entering, x0, cos, sin, tail if row == last else None)
        return rms_norm(x)

    def head(self) -> Head:
        """The tied head: no bias, the true tanh as softcap."""
        return Head(self.tok_emb.weight, None, self.model.softcap, "tanh", self.logit_temp)

    def linears(self) -> Iterator[tuple[str, QuantizedLinear]]:
        """(name of its weight, layer) of every matrix that a quantizer may sit on, in state-dict order."""
        table = transformer_parameters(self.model)
        for name, module in self.named_modules():
            if isinstance(module, QuantizedLinear) and table[f"{name}.weight"].is_quantized:
                yield f"{name}.weight", module

    def _with_skip(self, row: int, x: Tensor, skip: Tensor) -> Tensor | Streams:
        """``x`` with what an encoder run gave, by weights and gates of the skips' ``row``."""
        if self.fused:
            return blended(x, skip, self.skip_weights[row], self.skip_gates[row] if self.model.gates.skips else None)
        skip = self.skip_weights[row].to(x.dtype) * skip
        return blend_skip(x, skip, self.skip_gates[row].to(x.dtype)) if self.model.gates.skips else x + skip
