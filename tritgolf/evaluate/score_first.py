"""Score-first test-time training (#1716, #1722): each chunk of the text is scored, then trained on, by a copy of the
network.

Every target is scored once, by weights that have seen earlier targets alone: a window belongs to the chunk in which its
first scored target lies, so all targets of a chunk have their score before it is trained on.
"""

import contextlib
import copy
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tritgolf.config.evaluate import ScoreFirstSettings
from tritgolf.cuda_graph import Replay
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.windowed import Adaptation, Scorer, Scores
from tritgolf.evaluate.windows import Windows
from tritgolf.model.loss import nats_of
from tritgolf.model.network import Network, device_of
from tritgolf.model.training_form import training_form
from tritgolf.progress import progress
from tritgolf.ranks import Ranks

CLIP_NORM = 1.0
OPTIMIZERS: dict[str, Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, momentum=0.9),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, betas=(0.9, 0.999), eps=1e-8, weight_decay=0),
}
OF_A_BLOCK = re.compile(r"blocks\.(\d+)\.")


class Gradients:
    """Gradients of a batch's mean nats times its weight, by all parameters of ``form`` that ask for one.

    On a GPU they are recorded once and replayed: the batch lies where the recording reads it, gradients lie where it
    puts them. Another shape or weight is recorded anew. Without ``recorded`` every call is a plain one.
    """

    def __init__(self, form: Network, recorded: bool = True) -> None:
        self.form, self.recorded = form, recorded
        self._batch: tuple[Tensor, Tensor] | None = None
        self._weight = 1.0
        self._replay: Replay | None = None

    def take(self, inputs: Tensor, targets: Tensor, weight: float) -> None:
        """Let the next calls be of these: int64 (sequences, context), on any device."""
        if self._batch is None or (inputs.shape, weight) != (self._batch[0].shape, self._weight):
            self.close()
            device = device_of(self.form)
            self._batch = (torch.empty_like(inputs, device=device), torch.empty_like(targets, device=device))
            self._weight, self._replay = weight, Replay(self.compute, device) if self.recorded else None
        for kept, new in zip(self._batch, (inputs, targets), strict=True):
            kept.copy_(new)

    def __call__(self) -> None:
        """Put the gradients of the batch that was taken in place of the last ones."""
        (self._replay or self.compute)()

    def compute(self) -> None:
        """The definition, by plain calls."""
        assert self._batch is not None
        self._clear()
        (self._weight * mean_nats(self.form, *self._batch)).backward()

    def close(self) -> None:
        """Let go of the recording, the batch and the gradients."""
        if self._replay is not None:
            self._replay.close()
        self._batch = self._replay = None
        self._clear()

    def _clear(self) -> None:
        for parameter in self.form.parameters():
            parameter.grad = None


class Learner(NamedTuple):
    """``network``, which scores; ``gradients`` of a form of it, which has the same parameters; their ``optimizer``."""

    network: Network
    gradients: Gradients
    optimizer: torch.optim.Optimizer


@dataclass(frozen=True)
class ScoreFirst(Adaptation):
    """The adaptation by its settings; the result is the same for any number of the scorer's ranks, but for rounding."""

    settings: ScoreFirstSettings
    kind: str = "score_first"
    recorded: bool = True  # gradients, on a GPU

    def score(
        self, network: Network, tokens: Tokens, groups: Sequence[Windows], scorer: Scorer
    ) -> tuple[Scores, Network]:
        """As ``Adaptation`` says."""
        learner = self.learner(copy.deepcopy(network))
        chunks = chunks_of(groups, self.settings.chunk_tokens)
        parts: list[Scores] = []
        with contextlib.closing(learner.gradients):
            for number, chunk in enumerate(progress(chunks, what=scorer.what, unit="chunks")):
                self._one_chunk(learner, tokens, (number, len(chunks)), chunk, scorer, parts)
        return scorer.gathered(parts), learner.network

    def learner(self, adapted: Network) -> Learner:
        """What trains ``adapted``: on a GPU in the forms made for it, the same within rounding."""
        optimizer = OPTIMIZERS[self.settings.optimizer](trained_parameters(adapted, self.settings))
        on_gpu = device_of(adapted).type == "cuda"
        return Learner(adapted, Gradients(training_form(adapted) if on_gpu else adapted, self.recorded), optimizer)

    def for_probe(self, context: int) -> "ScoreFirst":
        """Chunks of two windows, half of the probe's text: few steps, by plain calls."""
        short = self.settings.model_copy(update={"chunk_tokens": min(self.settings.chunk_tokens, 2 * context)})
        return replace(self, settings=short, recorded=False)

    def _one_chunk(
        self,
        learner: Learner,
        tokens: Tokens,
        place: tuple[int, int],
        chunk: list[Windows],
        scorer: Scorer,
        parts: list[Scores],
    ) -> None:
        """Score a chunk, then train on it, unless it is the last. ``place``: its number, and how many there are."""
        parts += [scorer.share(learner.network, tokens, windows) for windows in chunk]
        if place[0] < place[1] - 1:
            self.train(learner, tokens, place, scorer.ranks)

    def train(self, learner: Learner, tokens: Tokens, place: tuple[int, int], ranks: Ranks) -> None:
        """One step an epoch over all sequences of a chunk; ranks take contiguous shares of them.

        Clipping and update are plain calls: they are launched while a GPU still computes the gradients.
        """
        (adapted, gradients, optimizer), (number, chunks) = learner, place
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(self.settings.lr, number, chunks)
        gradients.take(*self._sequences(tokens, number, adapted.model.context, ranks))
        for _ in range(self.settings.epochs):
            gradients()
            ranks.average_([p.grad for p in adapted.parameters() if p.grad is not None])
            torch.nn.utils.clip_grad_norm_(list(adapted.parameters()), CLIP_NORM)
            optimizer.step()

    def _sequences(self, tokens: Tokens, number: int, context: int, ranks: Ranks) -> tuple[Tensor, Tensor, float]:
        """This rank's inputs and targets of chunk ``number``, and what their mean weighs in the mean over ranks."""
        first, count = number * self.settings.chunk_tokens, self.settings.chunk_tokens // context
        text = np.asarray(tokens[first : first + count * context + 1], dtype=np.int64)
        own = ranks.share(count)
        weight = (own.stop - own.start) * ranks.world / count
        if not weight:  # it computes one sequence all the same: all ranks have gradients to average
            own = slice(0, 1)
        inputs, targets = (text[shift : shift + count * context].reshape(count, context)[own] for shift in (0, 1))
        return torch.from_numpy(inputs), torch.from_numpy(targets), weight


def mean_nats(network: Network, inputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of a token, () FP32; both int64 (sequences, context). On a GPU whole logits never exist."""
    if inputs.device.type != "cuda":
        return plain_mean_nats(network, inputs, targets)
    return network.head().loss(network(inputs).flatten(0, 1), targets.flatten(), z_loss=0.0)[0]


def plain_mean_nats(network: Network, inputs: Tensor, targets: Tensor) -> Tensor:
    """The definition of ``mean_nats``."""
    logits = network.head().logits(network(inputs).flatten(0, 1))
    return nats_of(logits, targets.flatten())[0].mean()


def trained_parameters(adapted: Network, settings: ScoreFirstSettings) -> list[torch.nn.Parameter]:
    """What is trained of ``adapted``; the rest asks for no gradient from here on.

    Of #1722's 26,993,756 parameters the first ten blocks' vectors alone are frozen: 26,973,196 are trained.
    """
    matrices = {name for name, _ in adapted.linears()}
    for name, parameter in adapted.named_parameters():
        block = OF_A_BLOCK.match(name)
        in_first = block is not None and int(block[1]) < settings.frozen_blocks
        parameter.requires_grad_(not in_first or (settings.freezes == "vectors" and name in matrices))
        if block is not None and name in matrices and settings.matrix_dtype == "bfloat16":
            parameter.data = parameter.data.bfloat16()
    return [parameter for parameter in adapted.parameters() if parameter.requires_grad]


def learning_rate(lr: float, chunk: int, chunks: int) -> float:
    """From ``lr`` in the first chunk to 0 in the last, which is not trained on, by a cosine."""
    return lr * 0.5 * (1 + math.cos(math.pi * chunk / max(chunks - 1, 1)))


def chunks_of(groups: Sequence[Windows], chunk_tokens: int) -> list[list[Windows]]:
    """Windows by the chunk in which the first target that they score lies; each chunk's in their order."""
    count = 1 + max(int(windows.firsts[-1]) for windows in groups if len(windows.firsts)) // chunk_tokens
    chunks: list[list[Windows]] = [[] for _ in range(count)]
    for windows in groups:
        bounds = np.searchsorted(windows.firsts, np.arange(count + 1) * chunk_tokens)  # they ascend
        for chunk, begin, end in zip(chunks, bounds[:-1], bounds[1:], strict=True):
            if begin < end:
                chunk.append(windows._replace(starts=windows.starts[begin:end], firsts=windows.firsts[begin:end]))
    return chunks
