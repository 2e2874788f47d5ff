"""The parameters of the ternary U-Net (record-spec, "init"): names as published, shapes, roles, initial values.

The one place that knows the names. Published files tell no sizes, so what a name is does not depend on them.
"""

import re

from tritgolf.config.model import UNetConfig
from tritgolf.errors import InputError
from tritgolf.parameters import AsBuilt, Init, KaimingUniform, Normal, Parameter, Role, Zeros

TABLE = "tok_emb.weight"
OF_MODEL: dict[str, tuple[Role, Init]] = {
    "skip_weights": ("mix", AsBuilt()),
    "vocab_bias": ("control", AsBuilt()),
    TABLE: ("embedding", Normal(0.005)),
    "embed_proj.weight": ("projection", KaimingUniform()),
    "embed_proj_rev.weight": ("projection", KaimingUniform()),
}
OF_BLOCK: dict[str, tuple[Role, Init]] = {
    "attn_scale": ("control", AsBuilt()),
    "mlp_scale": ("control", AsBuilt()),
    "resid_mix": ("mix", AsBuilt()),
    "attn.q_gain": ("control", AsBuilt()),
    "attn.c_qkv.weight": ("attention", Normal(0.02)),
    "attn.proj.weight": ("attention", Zeros()),
    "mlp.fc.weight": ("mlp", Normal(0.02)),
    "mlp.proj.weight": ("mlp", Zeros()),
    "smear.gate": ("control", AsBuilt()),
}
LAYERS = {
    "attn.c_qkv.weight": "attn.qkv",
    "attn.proj.weight": "attn.proj",
    "mlp.fc.weight": "mlp.fc",
    "mlp.proj.weight": "mlp.proj",
}
BLOCK_NAME = re.compile(r"blocks\.\d+\.(.+)")


def unet_parameters(model: UNetConfig) -> dict[str, Parameter]:
    """Name → every trained parameter of the model, in state-dict order."""
    return {name: described(name, shape) for name, shape in _shapes(model).items()}


def described(name: str, shape: tuple[int, ...] = ()) -> Parameter:
    """What the parameter ``name`` is, with this ``shape``. ``InputError`` if the model has no such parameter."""
    block = BLOCK_NAME.fullmatch(name)
    found = OF_BLOCK.get(block[1]) if block else OF_MODEL.get(name)
    if found is None:
        raise InputError(f"tensor {name!r}", "is not part of the ternary U-Net", "give the state of such a model")
    return Parameter(shape, *found, LAYERS.get(block[1]) if block else None)


def _shapes(model: UNetConfig) -> dict[str, tuple[int, ...]]:
    width, hidden = model.width, model.mlp_multiple * model.width
    shapes: dict[str, tuple[int, ...]] = {
        "skip_weights": (model.layers // 2, width),
        "vocab_bias": (model.vocab_size,),
        TABLE: (model.vocab_size, model.embed_dim),
        "embed_proj.weight": (width, model.embed_dim),
        "embed_proj_rev.weight": (model.embed_dim, width),
    }
    block: dict[str, tuple[int, ...]] = {
        "attn_scale": (width,),
        "mlp_scale": (width,),
        "resid_mix": (2, width),
        "attn.q_gain": (model.heads,),
        "attn.c_qkv.weight": ((model.heads + 2 * model.kv_heads) * model.head_dim, width),
        "attn.proj.weight": (width, width),
        "mlp.fc.weight": (hidden, width),
        "mlp.proj.weight": (width, hidden),
        **({"smear.gate": (width,)} if model.smear else {}),
    }
    return shapes | {f"blocks.{n}.{name}": shape for n in range(model.layers) for name, shape in block.items()}
