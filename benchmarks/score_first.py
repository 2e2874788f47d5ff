"""Time of score-first test-time training, a chunk: its training in three forms, in turn, and its scoring.

    python benchmarks/score_first.py --out measured/speed/NAME.json

*fast* trains as evaluation does on a GPU, *called* the same without a recording, *plain* by the network that scores and
whole logits: the definition. Weights are random, as large as the record's: no time depends on them. The text repeats
itself, so that there is something to learn; ``nats`` of the chunk after the last one trained on, by each, say that they
train alike. With ``--of`` a rank's share of a chunk is timed. Scoring is compiled, as that of a whole text is.
"""

import copy
import json
import statistics
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from options import parser_of, record_named
from timing import ratios, summary

from tritgolf.config.evaluate import ScoreFirstSettings
from tritgolf.data.shards import Tokens
from tritgolf.evaluate import score, score_first
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.score_first import Gradients, Learner, ScoreFirst, plain_mean_nats
from tritgolf.evaluate.windowed import Scorer
from tritgolf.evaluate.windows import sliding_windows
from tritgolf.files import write_json
from tritgolf.model.build import default_device
from tritgolf.model.initialize import initialize
from tritgolf.model.network import Network
from tritgolf.model.specs import network_class
from tritgolf.provenance import provenance
from tritgolf.ranks import Ranks

CHUNKS = 1000  # of the schedule: the rate is nearly the first one's


class CalledScoreFirst(ScoreFirst):
    """Trains in the forms for a GPU by plain calls."""

    def train(self, *arguments: Any) -> None:
        """As it says, with nothing recorded."""
        with mock.patch.object(score_first.Gradients, "__call__", score_first.Gradients.compute):
            super().train(*arguments)


class PlainScoreFirst(CalledScoreFirst):
    """Trains by the definition, wherever it computes."""

    def learner(self, adapted: Network) -> Learner:
        """The network itself is trained."""
        return super().learner(adapted)._replace(gradients=Gradients(adapted))

    def train(self, *arguments: Any) -> None:
        """As it says, with whole logits."""
        with mock.patch.object(score_first, "mean_nats", plain_mean_nats):
            super().train(*arguments)


FORMS = {"fast": ScoreFirst, "called": CalledScoreFirst, "plain": PlainScoreFirst}


class Share(Ranks):
    """The first of ``of`` ranks, which does its part of the work alone."""

    def __init__(self, of: int, device: torch.device) -> None:
        super().__init__(0, 1, device)
        self.of = of

    def share(self, count: int) -> slice:
        """As many as the first of them has."""
        return slice(0, max(1, count // self.of))


def random_network(record: str) -> Network:
    model = record_named(record).model
    network = network_class(model)(model)
    initialize(network, 42)
    generator = torch.Generator().manual_seed(42)
    weights = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    for name, weight in weights.items():
        if name.endswith(".proj.weight"):
            weight.normal_(0, 0.02, generator=generator)
    return trained_network(model, weights)


def repeating_text(count: int, vocabulary: int) -> Tokens:
    generator = np.random.default_rng(0)
    phrases = generator.integers(vocabulary, size=(64, 32))
    return phrases[generator.integers(64, size=count // 32 + 1)].reshape(-1)[:count].astype(np.uint16)


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Trained:
    """A copy of the network that one form trains, chunk by chunk."""

    def __init__(self, form: str, network: Network, settings: ScoreFirstSettings, ranks: Ranks) -> None:
        self.method, self.ranks = FORMS[form](settings), ranks
        self.learner = self.method.learner(copy.deepcopy(network))

    def milliseconds(self, tokens: Tokens, chunk: int) -> float:
        """Of training on ``chunk``."""
        synchronize()
        began = time.perf_counter()
        self.method.train(self.learner, tokens, (chunk, CHUNKS), self.ranks)
        synchronize()
        return 1000 * (time.perf_counter() - began)

    def nats(self, tokens: Tokens, chunk: int) -> float:
        """Mean of a chunk's tokens in windows side by side, not compiled."""
        size, context = self.method.settings.chunk_tokens, self.learner.network.model.context
        text = tokens[chunk * size : (chunk + 1) * size + 1]
        found = Scorer(16)(self.learner.network, text, sliding_windows(len(text), context, context, "every_token"))
        return float(found.nats.mean())


def scoring_milliseconds(network: Network, tokens: Tokens, settings: ScoreFirstSettings, stride: int) -> list[float]:
    """Of the windows of one chunk, compiled, three times."""
    text = tokens[: settings.chunk_tokens + network.model.context + 1]
    windows = sliding_windows(len(text), network.model.context, stride, "every_token")
    with mock.patch.dict(score.COMPILE_FROM, {default_device().type: 0}):
        Scorer(32)(network, text, windows)
        times = []
        for _ in range(3):
            began = time.perf_counter()
            Scorer(32)(network, text, windows)
            times.append(1000 * (time.perf_counter() - began))
    return times


def measured(network: Network, settings: ScoreFirstSettings, tokens: Tokens, chunks: int, of: int) -> dict[str, Any]:
    """Training on ``chunks`` chunks after a first, untimed one, each by all forms in turn; ``of`` ranks share it.

    The first chunk's epochs compile what is compiled, and the third of them records.
    """
    device = default_device()
    forms = {form: Trained(form, network, settings, Share(of, device)) for form in FORMS}
    rounds = [{form: made.milliseconds(tokens, chunk) for form, made in forms.items()} for chunk in range(chunks + 1)]
    times = {form: [found[form] for found in rounds[1:]] for form in FORMS}
    found = {
        **{form: {**summary(times[form]), "first_ms": rounds[0][form]} for form in FORMS},
        "times_faster": {form: ratios(times[form], times["fast"]) for form in FORMS if form != "fast"},
        "nats": {form: made.nats(tokens, chunks + 1) for form, made in forms.items()},
    }
    for made in forms.values():
        made.learner.gradients.close()
    return found


def main() -> None:
    parser = parser_of(__doc__, record="int6_recurrent")
    parser.add_argument("--chunks", type=int, default=4, metavar="N", help="to be timed (default: %(default)s)")
    parser.add_argument("--chunk-tokens", type=int, default=32_768, metavar="N", help="default: %(default)s")
    parser.add_argument("--of", type=int, nargs="+", default=[1], metavar="N", help="ranks that share a chunk")
    parser.add_argument("--stride", type=int, default=64, metavar="N", help="of scoring; 0: not timed")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here too")
    arguments = parser.parse_args()

    network = random_network(arguments.record)
    settings = ScoreFirstSettings(kind="score_first", chunk_tokens=arguments.chunk_tokens)
    tokens = repeating_text((arguments.chunks + 2) * settings.chunk_tokens + 1, network.model.vocab_size)
    facts: dict[str, Any] = {"what": "score-first test-time training", "record": arguments.record}
    facts |= {"chunk_tokens": settings.chunk_tokens, "epochs": settings.epochs}
    facts["training"] = {of: measured(network, settings, tokens, arguments.chunks, of) for of in arguments.of}
    if arguments.stride:
        times = scoring_milliseconds(network, tokens, settings, arguments.stride)
        facts["scoring"] = {"stride": arguments.stride, "ms": statistics.median(times)}
    facts["provenance"] = provenance(settings.model_dump(mode="json"), {})
    if arguments.out:
        write_json(arguments.out, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
