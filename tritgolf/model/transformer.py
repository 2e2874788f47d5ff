"""The transformer of #1716 (sp8192-spec) and #1019, #1722 (trinity-spec): input, encoder, decoder with skips, head.

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
from tritgolf.model.parts.factored import projected, used_by
from tritgolf.model.parts.gates import blend_skip
from tritgolf.model.parts.recurrence import runs_of, skip_rows
from tritgolf.model.parts.rotary import tables_of_call
from tritgolf.model.parts.smear import BlendPrevious, add_previous
from tritgolf.model.parts.value_embedding import ValueEmbedding, layer_scales
from tritgolf.model.phase import Phase
from tritgolf.model.streams import Streams, blended
from tritgolf.model.transformer_block import Block
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.quantize.rounding import DTYPES, rounded_once, rounded_through


class Transformer(nn.Module):
    """Tokens to hidden states; the head turns them into nats. It begins in the first phase, without recurrence.

    Master weights are FP32, the tables in ``model.compute``, in which everything is computed. ``fused``: in forms
    made for training on a GPU, the same within rounding, where every position asks. ``logit_temp`` is a constant of 1
    that the code of #1716 saves with the weights and averages with them, and that no optimizer has.
    """

    logit_temp: Tensor | None

    def __init__(self, model: TransformerConfig, attend: Attention = math_attention, *, fused: bool = False) -> None:
        super().__init__()
        self.model, self.fused = model, fused
        self.rounded = rounded_once if fused else rounded_through
        self.dtype = DTYPES[model.compute]
        self.enter(Phase())
        gates, skips = model.gates, (skip_rows(model), model.width)
        if gates.smear is not None:
            self.smear_lambda = nn.Parameter(torch.zeros(1))
        self.skip_weights = nn.Parameter(torch.ones(skips))
        if gates.skips:
            self.skip_gates = nn.Parameter(torch.zeros(skips))
        self.register_buffer("logit_temp", torch.ones((), dtype=self.dtype) if model.logit_temp else None)
        if model.head_bias:
            self.vocab_bias = nn.Parameter(torch.zeros(model.vocab_size))
        self.tok_emb = nn.Embedding(model.vocab_size, model.table_width, dtype=self.dtype)
        if model.factored is not None:
            self.embed_proj = nn.Linear(model.factored.width, model.width, bias=False)
            self.embed_proj_rev = nn.Linear(model.width, model.factored.width, bias=False)
        if model.bigram is not None:
            self.bigram = Bigram(model.bigram.buckets, model.bigram.width, model.width, self.dtype)
        if gates.smear is not None:
            self.smear_gate = QuantizedLinear(gates.smear, 1)
        if gates.previous:
            self.smear = BlendPrevious(model.width)
        self.blocks = nn.ModuleList(Block(model, layer, attend, fused) for layer in range(model.layers))
        if model.value_embedding is not None:
            inner, layers = model.value_embedding.width, model.value_embedding.layers
            self.ve_shared = ValueEmbedding(model.vocab_size, inner, model.kv_heads * model.head_dim, self.dtype)
            self.ve_layer_scales = layer_scales(layers)
        cos, sin = tables_of_call(model, model.context, self.dtype)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def enter(self, phase: Phase) -> None:
        """Run the repeated layers again, or once only; whatever was compiled or recorded before is of another phase."""
        self.runs = runs_of(self.model, phase.recurrence)

    def embed(self, tokens: Tensor) -> Tensor:
        """(batch, positions) ids → (batch, positions, width)."""
        x = F.embedding(tokens, self.tok_emb.weight)
        if self.model.factored is not None:
            x = projected(x, self.embed_proj, self.model.factored.format)
        if self.model.bigram is not None:
            x = x + self.bigram(tokens)
        x = rms_norm(x)
        if self.model.gates.previous:
            x = self.smear(x)
        channels = self.model.gates.smear
        if channels is None:
            return x
        strength = self.rounded(self.smear_lambda, self.model.vectors).to(x.dtype)
        return add_previous(x, self.smear_gate(x[..., :channels]), strength)

    def forward(self, tokens: Tensor, tail: int | None = None) -> Tensor:
        """(batch, positions ≤ context) ids → hidden states (batch, positions, table's width) for the tied head.

        With ``tail`` those of the last so many positions: the last block computes no more than their keys and values
        of the others.
        """
        cos, sin = self._positions(tokens.shape[1])
        x = x0 = self.embed(tokens)
        values = self._values(tokens)
        skips: list[Tensor] = []
        for layer in self.runs.encoder:
            x = self.blocks[layer](x, x0, cos, sin, value=values.get(layer))
            skips.append(x)
        last = len(self.runs.decoder) - 1
        for row, layer in enumerate(self.runs.decoder):
            joined = self._with_skip(row, x, skips.pop()) if skips else x
            x = self.blocks[layer](joined, x0, cos, sin, tail if row == last else None, values.get(layer))
        x, factored = rms_norm(x), self.model.factored
        return x if factored is None else F.linear(x, used_by(self.embed_proj_rev, factored.format, x))

    def head(self) -> Head:
        """The tied head, rounded where the model is trained so."""
        model, table, bias = self.model, self.tok_emb.weight, None
        if model.factored is not None:
            table = rounded_through(table, model.factored.format)
        if model.head_bias:
            bias = rounded_through(self.vocab_bias, model.vectors)
        return Head(table, bias, model.softcap, model.softcap_kind, self.logit_temp)

    def linears(self) -> Iterator[tuple[str, QuantizedLinear]]:
        """(name of its weight, layer) of every matrix that a quantizer may sit on, in state-dict order."""
        table = transformer_parameters(self.model)
        for name, module in self.named_modules():
            if isinstance(module, QuantizedLinear) and table[f"{name}.weight"].is_quantized:
                yield f"{name}.weight", module

    def _positions(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of a call with ``length`` positions, on the network's device."""
        cos, sin = self.get_buffer("cos"), self.get_buffer("sin")
        stretch = self.model.rotary_stretch
        if length == cos.shape[0] or stretch is None or stretch.of == "context":
            return cos[:length], sin[:length]
        cos_of_call, sin_of_call = tables_of_call(self.model, length, self.dtype)
        return cos_of_call.to(cos.device), sin_of_call.to(cos.device)

    def _values(self, tokens: Tensor) -> dict[int, Tensor]:
        """Layer → what is added to its values, (batch, positions, values): of the last layers."""
        if self.model.value_embedding is None:
            return {}
        value, first = self.ve_shared(tokens), self.model.layers - len(self.ve_layer_scales)
        return {first + n: scale.to(value.dtype) * value for n, scale in enumerate(self.ve_layer_scales)}

    def _with_skip(self, row: int, x: Tensor, skip: Tensor) -> Tensor | Streams:
        """``x`` with what an encoder run gave, by weights and gates of the skips' ``row``."""
        weight, gate = self.rounded(self.skip_weights, self.model.vectors)[row], None
        if self.model.gates.skips:
            gate = self.rounded(self.skip_gates, self.model.vectors)[row]
        if self.fused:
            return blended(x, skip, weight, gate)
        skip = weight.to(x.dtype) * skip
        return x + skip if gate is None else blend_skip(x, skip, gate.to(x.dtype))
