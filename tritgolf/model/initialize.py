"""Initial weights (specifications, "init"): drawn on the CPU from the seed, so they do not depend on the device."""

import math

import torch

from tritgolf.model.network import Network
from tritgolf.model.specs import parameters_of
from tritgolf.parameters import KaimingUniform, Normal, Orthogonal, Zeros


@torch.no_grad()
def initialize(network: Network, seed: int) -> None:
    """Fill every matrix of ``network`` (on the CPU) from ``seed``; vectors keep the constants they were built with.

    What each is drawn from stands in the model's table (``specs.parameters_of``). Everything passes through BF16 once.
    """
    generator = torch.Generator().manual_seed(seed)
    table = parameters_of(network.model)
    for name, parameter in network.named_parameters():
        match table[name].init:
            case Zeros():
                parameter.zero_()
            case Normal(std):
                parameter.copy_(torch.empty(parameter.shape).normal_(0, std, generator=generator))
            case Orthogonal():
                torch.nn.init.orthogonal_(parameter, generator=generator)
            case KaimingUniform():
                bound = 1 / math.sqrt(parameter.shape[1])
                parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
        parameter.copy_(parameter.bfloat16())
