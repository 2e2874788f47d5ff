"""Initial weights (record-spec, "init"): drawn on the CPU from the seed, so they do not depend on the device."""

import math

import torch
from torch import Tensor, nn

from tritgolf.model.unet import TernaryUNet

TERNARY_STD = 0.02
TABLE_STD = 0.005


@torch.no_grad()
def initialize(network: TernaryUNet, seed: int) -> None:
    """Fill every matrix of ``network`` (on the CPU) from ``seed``; vectors keep the constants they were built with.

    Ternary matrices N(0, 0.02), the output projections of attention and MLP zero, the table N(0, 0.005), the embedding
    projections as ``nn.Linear`` draws them. Everything passes through BF16 once.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if name.endswith((".attn.proj.weight", ".mlp.proj.weight")):
            parameter.zero_()
        elif name == "tok_emb.weight":
            parameter.copy_(_normal(parameter, TABLE_STD, generator))
        elif name in ("embed_proj.weight", "embed_proj_rev.weight"):
            bound = 1 / math.sqrt(parameter.shape[1])  # Kaiming uniform with a = √5
            parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
        elif name.startswith("blocks.") and name.endswith((".c_qkv.weight", ".fc.weight")):
            parameter.copy_(_normal(parameter, TERNARY_STD, generator))
        parameter.copy_(parameter.bfloat16())


def _normal(parameter: nn.Parameter, std: float, generator: torch.Generator) -> Tensor:
    return torch.empty(parameter.shape).normal_(0, std, generator=generator)
