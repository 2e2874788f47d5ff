"""A network in the forms that are made for training on a GPU: what trains one that was built to be scored."""

import torch

from tritgolf.model.network import Network
from tritgolf.model.phase import Phase
from tritgolf.model.specs import network_class


def training_form(network: Network) -> Network:
    """The same function as ``network``, whose parameters, buffers and attention it has as its own: no copies.

    Every position asks; gradients are equal within rounding. ``network`` is one that was built to be scored: its
    layers repeat, and it has no quantizers.
    """
    with torch.device("meta"):  # nothing is allocated or initialized
        form: Network = network_class(network.model)(network.model, fused=True)
    form.enter(Phase(recurrence=True))
    for named in (network.named_parameters(), network.named_buffers()):
        for name, tensor in named:
            owner, _, leaf = name.rpartition(".")
            setattr(form.get_submodule(owner), leaf, tensor)
    for name, module in network.named_modules():
        if hasattr(module, "attend"):
            form.get_submodule(name).attend = module.attend
    return form
