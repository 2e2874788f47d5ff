"""Text that a network writes itself, to calibrate GPTQ without any other text (#1019, "self-generated")."""

import torch
from torch import Tensor

from tritgolf.model.network import Network, device_of
from tritgolf.progress import progress


@torch.no_grad()
def own_text(network: Network, count: int, length: int, temperature: float, seed: int, at_a_time: int = 8) -> Tensor:
    """``count`` sequences of ``length`` token ids, int64 on the network's device, drawn ``at_a_time``.

    The first token is uniform, each next one drawn from softmax(logits / ``temperature``), with one generator seeded by
    ``seed``; a CUDA generator draws other numbers than a CPU's. For each token the network is called with all before
    it, as published: a network whose rotary base depends on the length of the call computes otherwise at each length,
    so that no keys and values can be kept from call to call. ``network``: plain (not compiled), with a context of at
    least ``length`` − 1.
    """
    device, head = device_of(network), network.head()
    generator = torch.Generator(device).manual_seed(seed)
    text: list[Tensor] = []
    with progress(total=count * length, what="calibration text", unit="tokens") as bar:
        for start in range(0, count, at_a_time):
            shape = (min(at_a_time, count - start), 1)
            tokens = torch.randint(0, len(head.table), shape, generator=generator, device=device)
            for _ in range(1, length):
                logits = head.logits(network(tokens, tail=1)[:, -1])
                following = torch.multinomial((logits.float() / temperature).softmax(-1), 1, generator=generator)
                tokens = torch.cat((tokens, following), dim=1)
                bar.update(len(tokens))
            bar.update(len(tokens))
            text.append(tokens)
    return torch.cat(text)
