"""The parameters of the transformer (sp8192-spec, trinity-spec): names as published, roles, initial values.

Roles are those of training and storage alike. "projection": of #1716 by Muon and stored a row, of #1019 by AdamW and in
FP16 (the bigram's matrix, the smear's, the value embedding's). "gate": small, by AdamW, a row. "mix": by AdamW, a
tensor. "control": by AdamW, as it is.
"""

from tritgolf.config.transformer import TransformerConfig
from tritgolf.model.parts.recurrence import skip_rows
from tritgolf.parameters import AsBuilt, Init, KaimingUniform, Normal, Orthogonal, Parameter, Role, Zeros

TABLE = "tok_emb.weight"
LAYERS = {
    "embed_proj.weight": "embed",
    "embed_proj_rev.weight": "embed",
    "attn.c_q.weight": "attn.q",
    "attn.c_k.weight": "attn.k",
    "attn.c_v.weight": "attn.v",
    "attn.proj.weight": "attn.proj",
    "mlp.fc.weight": "mlp.fc",
    "mlp.proj.weight": "mlp.proj",
}
Row = tuple[tuple[int, ...], Role, Init]


def transformer_parameters(model: TransformerConfig) -> dict[str, Parameter]:
    """Name → every parameter of the model and its saved buffer, ``logit_temp``, if any, in state-dict order."""
    rows = {name: Parameter(*row, layer=LAYERS.get(name)) for name, row in _of_model(model).items()}
    for n in range(model.layers):
        for name, row in _of_block(model).items():
            rows[f"blocks.{n}.{name}"] = Parameter(*row, layer=LAYERS.get(name))
    rows |= {name: Parameter(*row) for name, row in _of_value_embedding(model).items()}
    if model.logit_temp:
        rows["logit_temp"] = rows["logit_temp"]._replace(trained=False)
    return rows


def _of_model(model: TransformerConfig) -> dict[str, Row]:
    width, gates, bigram = model.width, model.gates, model.bigram
    skips = (skip_rows(model), width)
    rows: dict[str, Row] = {}
    if gates.smear is not None:
        rows["smear_lambda"] = ((1,), "control", AsBuilt())
    rows["skip_weights"] = (skips, "mix", AsBuilt())
    if gates.skips:
        rows["skip_gates"] = (skips, "mix", AsBuilt())
    if model.head_bias:
        rows["vocab_bias"] = ((model.vocab_size,), "control", AsBuilt())
    if model.logit_temp:
        rows["logit_temp"] = ((), "control", AsBuilt())
    rows |= _of_table(model)
    if bigram is not None:
        rows["bigram.scale"] = ((), "control", AsBuilt())
        rows["bigram.embed.weight"] = ((bigram.buckets, bigram.width), "hash_embedding", Zeros())
        rows["bigram.proj.weight"] = ((width, bigram.width), "projection", Orthogonal())
    if gates.smear is not None:
        rows["smear_gate.weight"] = ((1, gates.smear), "projection", Zeros())
    if gates.previous:
        rows["smear.gate"] = ((width,), "control", AsBuilt())
    return rows


def _of_table(model: TransformerConfig) -> dict[str, Row]:
    factored = model.factored
    rows: dict[str, Row] = {TABLE: ((model.vocab_size, model.table_width), "embedding", Normal(0.005))}
    if factored is not None:
        rows["embed_proj.weight"] = ((model.width, factored.width), "projection", KaimingUniform())
        rows["embed_proj_rev.weight"] = ((factored.width, model.width), "projection", KaimingUniform())
    return rows


def _of_value_embedding(model: TransformerConfig) -> dict[str, Row]:
    if model.value_embedding is None:
        return {}
    inner, layers = model.value_embedding.width, model.value_embedding.layers
    return {
        "ve_shared.scale": ((), "control", AsBuilt()),
        "ve_shared.embed.weight": ((model.vocab_size, inner), "value_embedding", Normal(0.01)),
        "ve_shared.proj.weight": ((model.kv_heads * model.head_dim, inner), "projection", Orthogonal()),
        **{f"ve_layer_scales.{n}": ((1,), "control", AsBuilt()) for n in range(layers)},
    }


def _of_block(model: TransformerConfig) -> dict[str, Row]:
    width, hidden = model.width, model.mlp_width
    keys = (model.kv_heads * model.head_dim, width)
    rows: dict[str, Row] = {
        "attn_scale": ((width,), "mix", AsBuilt()),
        "mlp_scale": ((width,), "mix", AsBuilt()),
        "resid_mix": ((2, width), "mix", AsBuilt()),
        "attn.q_gain": ((model.heads,), "control", AsBuilt()),
        "attn.c_q.weight": ((width, width), "attention", Orthogonal()),
        "attn.c_k.weight": (keys, "attention", Orthogonal()),
        "attn.c_v.weight": (keys, "attention", Orthogonal()),
        "attn.proj.weight": ((width, width), "attention", Zeros()),
    }
    if model.gates.attention is not None:
        rows["attn.attn_gate_proj.weight"] = ((model.heads, model.gates.attention), "gate", Zeros())
    rows["mlp.fc.weight"] = ((hidden, width), "mlp", Orthogonal())
    rows["mlp.proj.weight"] = ((width, hidden), "mlp", Zeros())
    return rows
