"""What a parameter of a model is, said once, in a table without torch beside the model.

Optimizers, quantizers, storage, counts, statistics and the audit choose by role; nothing else matches names.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Role = Literal[
    "attention", "mlp", "embedding", "hash_embedding", "value_embedding", "projection", "gate", "mix", "control"
]
QUANTIZED: frozenset[Role] = frozenset({"attention", "mlp"})  # matrices that a quantizer sits on
MATRICES: frozenset[Role] = QUANTIZED | {"projection"}  # matrices that Muon trains


class Normal(NamedTuple):
    """Drawn from N(0, ``std``)."""

    std: float


class Zeros(NamedTuple):
    """All zero."""


class KaimingUniform(NamedTuple):
    """Uniform within ±1/√(columns), as ``nn.Linear`` draws a matrix (Kaiming uniform with a = √5)."""


class Orthogonal(NamedTuple):
    """A random matrix with orthogonal rows, or columns where there are fewer (Saxe et al., 2014); gain 1."""


class AsBuilt(NamedTuple):
    """The constant that the network is built with."""


Init = Normal | Zeros | KaimingUniform | Orthogonal | AsBuilt


class Parameter(NamedTuple):
    """One row of a model's table, in state-dict order. ``layer``: the type of a quantized matrix, as ``attn.qkv``, or
    of another that may be stored by itself.

    What is not ``trained`` is a buffer of the network: part of its state, of no optimizer and no count of parameters.
    """

    shape: tuple[int, ...]
    role: Role
    init: Init = AsBuilt()
    layer: str | None = None
    trained: bool = True

    @property
    def is_quantized(self) -> bool:
        """Whether a quantizer sits on it."""
        return self.role in QUANTIZED

    @property
    def size(self) -> int:
        """How many numbers it has."""
        size = 1
        for side in self.shape:
            size *= side
        return size


def layers_of(table: Mapping[str, Parameter]) -> list[str]:
    """The layer types of a table, each once, in its order."""
    return list(dict.fromkeys(parameter.layer for parameter in table.values() if parameter.layer is not None))
