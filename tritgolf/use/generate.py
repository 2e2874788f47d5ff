"""Text that a network writes, token by token: what it is shown, how a token is drawn, when it ends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from tritgolf.errors import InputError
from tritgolf.model.continued import ContinuedText, can_continue, weights_in_compute_dtype
from tritgolf.model.network import Network, device_of

UNFINISHED = "\ufffd"  # what bytes decode to that are no whole character yet


class Sampling(NamedTuple):
    """How tokens are drawn: at ``temperature`` (0: the likeliest), of the ``top_k`` likeliest (None: of all)."""

    temperature: float = 0.8
    top_k: int | None = None
    seed: int = 0

    def checked(self) -> "Sampling":
        """Itself; an ``InputError`` for what can't be."""
        if not 0 <= self.temperature < float("inf"):
            raise InputError("temperature", f"{self.temperature} is not possible", "give 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise InputError("top-k", f"{self.top_k} is not possible", "give 1 or more tokens")
        if not -(1 << 63) <= self.seed < 1 << 63:
            raise InputError("seed", f"{self.seed} is not possible", "give a 64-bit integer")
        return self


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """A token of each row of ``logits`` (rows, vocabulary): int64 (rows,). ``generator``: of the CPU, which draws."""
    logits = logits.double().cpu()
    if sampling.temperature == 0:
        return logits.argmax(-1)
    if sampling.top_k is not None and sampling.top_k < logits.shape[-1]:
        others = logits.argsort(dim=-1, descending=True, stable=True)[..., sampling.top_k :]
        logits = logits.scatter(-1, others, float("-inf"))
    probabilities = (logits / sampling.temperature).softmax(-1)
    return probabilities.multinomial(1, generator=generator).squeeze(-1)


def first_shown(length: int, context: int) -> int:
    """The first of ``length`` tokens that a network of this context is shown to continue them.

    All while they fit; then the first half of a full context is left out at once, so that what is stored of the rest
    is made anew once in half a context, not for every token.
    """
    step = max(1, context // 2)
    return max(0, -(-(length - context) // step)) * step


def next_logits(network: Network, cache: bool) -> Callable[[list[int]], Tensor]:
    """A function of a growing text that gives the logits (1, vocabulary) of its next token."""
    head, context, device = network.head(), network.model.context, device_of(network)
    cache = cache and can_continue(network)
    state: tuple[int, ContinuedText] | None = None

    def logits(text: list[int]) -> Tensor:
        nonlocal state
        first = first_shown(len(text), context)
        if state is None or state[0] != first or not cache:
            state = first, ContinuedText(network, context)
        new = torch.tensor([text[first + state[1].length :]], device=device)
        return head.logits(state[1].read(new)[:, -1])

    return logits


def continuation(
    network: Network, prompt: Sequence[int], count: int, sampling: Sampling, end: int | None, *, cache: bool = True
) -> Iterator[int]:
    """Up to ``count`` tokens that follow ``prompt`` (one or more), fewer where ``end`` is drawn, which is not given.

    ``cache``: whether keys and values are stored; without, all that is shown is computed for each token.
    """
    sampling.checked()
    if count < 1:
        raise InputError("tokens", f"{count} is not possible", "give 1 or more")
    generator = torch.Generator().manual_seed(sampling.seed)
    text = list(prompt)
    with ExitStack() as stack, torch.inference_mode():
        stack.enter_context(weights_in_compute_dtype(network))
        logits = next_logits(network, cache)
        for _ in range(count):
            token = int(draw(logits(text), sampling, generator))
            if token == end:
                return
            text.append(token)
            yield token


@dataclass
class TextStream:
    """Tokens to text as they come: ``shown`` is what was given of the text of ``tokens``."""

    processor: SentencePieceProcessor
    tokens: list[int]
    shown: str = ""

    def __post_init__(self) -> None:
        self.shown = self.processor.decode(self.tokens)

    def add(self, token: int) -> str:
        """The text that ``token`` adds; empty while its last character is not whole."""
        self.tokens.append(token)
        text = self.processor.decode(self.tokens)
        return "" if text.endswith(UNFINISHED) else self._new(text)

    def rest(self) -> str:
        """What was held back, at the end."""
        return self._new(self.processor.decode(self.tokens))

    def _new(self, text: str) -> str:
        new, self.shown = text[len(self.shown) :], text
        return new
