"""Parameter counts from a configuration alone: no tensor is made."""

from dataclasses import asdict, dataclass

from tritgolf.config.model import ModelConfig

LAYER_TYPES = {
    "attn.c_qkv.weight": "attn.qkv",
    "attn.proj.weight": "attn.proj",
    "mlp.fc.weight": "mlp.fc",
    "mlp.proj.weight": "mlp.proj",
}


@dataclass(frozen=True)
class ParameterCounts:
    """``published`` counts as the published logs do, with the output matrix that tying leaves unused."""

    published: int
    unused: int
    trained: int
    ternary: int
    groups: int
    stored_fp: int

    def as_dict(self) -> dict[str, int]:
        """Plain numbers for JSON."""
        return asdict(self)


def parameter_shapes(model: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Name → shape of every trained parameter, in state-dict order."""
    width, hidden = model.width, model.mlp_multiple * model.width
    shapes: dict[str, tuple[int, ...]] = {
        "skip_weights": (model.layers // 2, width),
        "vocab_bias": (model.vocab_size,),
        "tok_emb.weight": (model.vocab_size, model.embed_dim),
        "embed_proj.weight": (width, model.embed_dim),
        "embed_proj_rev.weight": (model.embed_dim, width),
    }
    for n in range(model.layers):
        block: dict[str, tuple[int, ...]] = {
            "attn_scale": (width,),
            "mlp_scale": (width,),
            "resid_mix": (2, width),
            "attn.q_gain": (model.heads,),
            "attn.c_qkv.weight": ((model.heads + 2 * model.kv_heads) * model.head_dim, width),
            "attn.proj.weight": (width, width),
            "mlp.fc.weight": (hidden, width),
            "mlp.proj.weight": (width, hidden),
        }
        if model.smear:
            block["smear.gate"] = (width,)
        shapes |= {f"blocks.{n}.{name}": shape for name, shape in block.items()}
    return shapes


def is_ternary(name: str) -> bool:
    """Whether a parameter of this name is a ternary matrix."""
    return name.startswith("blocks.") and name.endswith(".weight")


def count_parameters(model: ModelConfig) -> ParameterCounts:
    """Counts by what becomes of the parameters."""
    sizes = {name: _product(shape) for name, shape in parameter_shapes(model).items()}
    ternary = sum(size for name, size in sizes.items() if is_ternary(name))
    trained = sum(sizes.values())
    unused = model.vocab_size * model.width
    return ParameterCounts(
        published=trained + unused,
        unused=unused,
        trained=trained,
        ternary=ternary,
        groups=ternary // model.quantizer.group_size,
        stored_fp=trained - ternary,
    )


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def layer_type(name: str) -> str:
    """``attn.qkv``, ``attn.proj``, ``mlp.fc`` or ``mlp.proj`` of a ternary matrix's name."""
    return LAYER_TYPES[name.split(".", 2)[2]]
