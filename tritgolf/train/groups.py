"""Which optimizer trains a parameter, by its role."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from tritgolf.config.train import AdamConfig
from tritgolf.parameters import MATRICES, Parameter, Role
from tritgolf.train.adam import Adam, Group

GROUPS = ("muon", "table", "vector", "none")  # each but the last has a learning rate

OPTIMIZERS = {"adam": Adam, "adamw": Adam}  # of tables and vectors, by ``kind`` of their settings


def group_of(role: Role, settings: AdamConfig) -> str:
    """The group of a parameter of this ``role``; ``none`` if nothing trains it (the hash embedding of #1716)."""
    if role == "hash_embedding" and not settings.trains_hash_embedding:
        return "none"
    if role in MATRICES and not (role == "projection" and settings.trains_projections):
        return "muon"
    return "table" if role in ("embedding", "hash_embedding", "value_embedding") else "vector"


def grouped(
    parameters: Iterable[tuple[str, Tensor]], table: Mapping[str, Parameter], settings: AdamConfig
) -> dict[str, dict[str, Tensor]]:
    """Group → name → parameter, each in its order in ``parameters``; ``table`` has their roles."""
    groups: dict[str, dict[str, Tensor]] = {group: {} for group in GROUPS}
    for name, parameter in parameters:
        groups[group_of(table[name].role, settings)][name] = parameter
    return groups


def make_adam(groups: Mapping[str, Mapping[str, Tensor]], settings: AdamConfig, on_gpu: bool) -> Adam:
    """Adam over table and vectors; on a GPU, rates are tensors (recordings)."""
    rates = {
        "table": (settings.table_lr, settings.table_weight_decay),
        "vector": (settings.vector_lr, settings.vector_weight_decay),
    }
    made = []
    for name, (lr, weight_decay) in rates.items():
        parameters = list(groups[name].values())
        rate = torch.tensor(lr, device=parameters[0].device) if on_gpu else lr
        made.append(Group(parameters, rate, weight_decay))
    return OPTIMIZERS[settings.kind](made, settings, on_gpu)
