"""A text that a network reads bit by bit: keys and values of earlier positions are stored, only new ones computed.

Nothing of a network is written again for it. A network meets earlier positions in four places alone: attention, the
tables of rotary positions, the input (a bigram's and a smear's last tokens), and the running mean of #923's smear.
These are exchanged while it computes. A layer that runs several times has keys and values of each run.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from tritgolf.model.layers import QuantizedLinear, Smear
from tritgolf.model.network import Network
from tritgolf.model.running_sum import running_sum

LOOKBACK = 2  # tokens before its own that the input of a position hangs on: the smear's, and the bigram's of that one


class ContinuedText:
    """Texts (batch, positions) of equal length that ``network`` reads from their beginning, ``positions`` at most.

    The hidden states are those of the whole text at once, to rounding: products of other shapes round otherwise.
    """

    def __init__(self, network: Network, positions: int) -> None:
        self.network, self.positions = network, positions
        self.length = 0  # positions read before this call
        self.recent: Tensor | None = None  # the last tokens read, (batch, ≤ LOOKBACK)
        self.stored: list[tuple[Tensor, Tensor]] = []  # keys and values, by run of an attention
        self.runs = 0  # of attentions, in this call
        self.sums: dict[int, Tensor] = {}  # of what a smear has read, (batch, 1, width), by its module

    @torch.inference_mode()
    def read(self, tokens: Tensor) -> Tensor:
        """The hidden state of the last of ``tokens`` (batch, new), which follow those read: (batch, 1, width)."""
        self.runs = 0
        with self._exchanged():
            hidden = self.network(tokens, 1)
        self.length += tokens.shape[1]
        self.recent = self._with_recent(tokens)[:, -LOOKBACK:]
        return hidden

    @contextmanager
    def _exchanged(self) -> Iterator[None]:
        """The network as it is to compute the positions after ``length``; as it was, afterwards."""
        network: Any = self.network
        with ExitStack() as stack:
            embed = network.embed
            stack.enter_context(_set(network, embed=lambda tokens: self._embed(embed, tokens)))
            stack.enter_context(_set(network, **{name: network.get_buffer(name)[self.length :] for name in _TABLES}))
            for module in network.modules():
                if hasattr(module, "attend"):
                    stack.enter_context(_set(module, attend=self._attention(module.attend)))
                elif isinstance(module, Smear):
                    stack.enter_context(_set(module, forward=self._smear(module)))
            yield

    def _with_recent(self, tokens: Tensor) -> Tensor:
        return tokens if self.recent is None else torch.cat((self.recent, tokens), 1)

    def _embed(self, embed: Any, tokens: Tensor) -> Tensor:
        """The input of ``tokens``, made with the tokens before them that it hangs on."""
        return embed(self._with_recent(tokens))[:, -tokens.shape[1] :]

    def _attention(self, attend: Any) -> Any:
        """``attend`` over all positions read so far; as many of the last as there are queries ask."""

        def attend_all(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            begin, end = self.length, self.length + k.shape[1]
            if len(self.stored) == self.runs:
                room = (k.shape[0], self.positions, *k.shape[2:])
                self.stored.append((k.new_empty(room), v.new_empty(room)))
            keys, values = self.stored[self.runs]
            self.runs += 1
            keys[:, begin:end], values[:, begin:end] = k, v
            return attend(q, keys[:, :end], values[:, :end])

        return attend_all

    def _smear(self, smear: Smear) -> Any:
        """The forward pass of ``smear`` after what it has read."""

        def forward(x: Tensor) -> Tensor:
            sums = running_sum(x)
            if self.length:
                sums = sums + self.sums[id(smear)]
            self.sums[id(smear)] = sums[:, -1:]
            return smear.blend(x, sums, self.length)

        return forward


_TABLES = ("cos", "sin")  # of rotary positions, a row each


@contextmanager
def _set(target: Any, **attributes: Any) -> Iterator[None]:
    """``attributes`` of ``target`` exchanged; those of its class, not its own, are taken away again."""
    own = {name: getattr(target, name) for name in attributes if name in vars(target) or name in _TABLES}
    for name, value in attributes.items():
        setattr(target, name, value)
    try:
        yield
    finally:
        for name in attributes:
            if name in own:
                setattr(target, name, own[name])
            else:
                delattr(target, name)


@contextmanager
def weights_in_compute_dtype(network: Network) -> Iterator[None]:
    """Have the weights of all matrices in what the network computes in, so that no pass casts them; the same numbers.

    For passes over few positions, which a cast of every weight would take longer than.
    """
    layers = [module for module in network.modules() if isinstance(module, QuantizedLinear)]
    before = [layer.effective for layer in layers]
    with torch.no_grad():
        for layer in layers:
            layer.effective = layer.used_weight(network.dtype)
    try:
        yield
    finally:
        for layer, effective in zip(layers, before, strict=True):
            layer.effective = effective


def can_continue(network: Network) -> bool:
    """Whether what is stored stays right as a text grows: not where rotary frequencies hang on its length (#1019)."""
    stretch = getattr(network.model, "rotary_stretch", None)
    return getattr(stretch, "of", "context") == "context"
