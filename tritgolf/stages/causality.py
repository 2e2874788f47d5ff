"""The rules table's stage: what the probes say of every way to score a text, valid or not, on a network of toy size.

The probes look at how a score is made, not at how good it is: random weights and a random text are enough, and the code
is that which scores a record.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from tritgolf.config.evaluate import ChunkedSettings, ScoreFirstSettings, SlidingSettings, SlotSettings
from tritgolf.config.transformer import TransformerConfig
from tritgolf.config.types import WindowRule
from tritgolf.evaluate.counterexamples import AdaptThenScore, SmallerOfTwo, TargetInKey
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.probe import probe
from tritgolf.evaluate.windowed import Adaptation, Method, Windowed
from tritgolf.files import write_json
from tritgolf.model.network import Network
from tritgolf.model.phase import Phase
from tritgolf.model.transformer import Transformer
from tritgolf.provenance import SCHEMAS, provenance

TOY = TransformerConfig(
    kind="transformer", vocab_size=8, layers=2, width=16, heads=2, kv_heads=1, mlp_multiple=2, context=16,
    rotary_dims=4, rotary_frequencies="float32", xsa_layers=2, compute="float32", logit_temp=False,
)  # fmt: skip
STRIDE, BATCH, CHANGES, TEXT = 4, 64, 8, 75
TRAINING: dict[str, Any] = {"kind": "score_first", "chunk_tokens": 32, "epochs": 1, "lr": 0.05}


class Row(NamedTuple):
    """A way to score. ``mechanism``: what ``published/rulings.csv`` calls it, "" for what nobody ruled on.

    ``make``: of a second network, for what takes two.
    """

    name: str
    mechanism: str
    make: Callable[[Network], Method]


def _sliding(*adapt: Any, rule: WindowRule = "every_token") -> Windowed:
    method = make_method(SlidingSettings(kind="sliding", stride=STRIDE, rule=rule, adapt=adapt), BATCH)
    assert isinstance(method, Windowed)
    return method


def _adapting(*adapt: Adaptation) -> Method:
    """Sliding windows with adaptations that no settings describe."""
    return Windowed(_sliding().groups, _sliding().scorer, STRIDE, "every_token", adapt)


def _training(**settings: Any) -> ScoreFirstSettings:
    return ScoreFirstSettings(**TRAINING | settings)


ADAMW = {"optimizer": "adamw", "lr": 0.01, "frozen_blocks": 1, "freezes": "vectors"}
SLOT, CONTEXT = (SlotSettings(kind="slot", fits=fits, steps=8) for fits in ("scored", "context"))
SCORE_FIRST = "score-first TTT (chunk scored once with the state before it; then trained on)"
ON_SCORED = "SLOT, per-sample, on the scored positions"
ON_CONTEXT = "SLOT, context only (positions before the scored ones)"
PIPELINE: Sequence[Row] = (
    Row("chunked", "", lambda _: make_method(ChunkedSettings(kind="chunked"), BATCH)),
    Row("sliding, every token", "", lambda _: _sliding()),
    Row("sliding, end dropped (#640, #920)", "", lambda _: _sliding(rule="drop_tail")),
    Row("sliding, end scored again (#1019, #1722)", "", lambda _: _sliding(rule="repeat_tail")),
    Row("score-first training, SGD, one epoch", SCORE_FIRST, lambda _: _sliding(_training())),
    Row(
        "the same, three epochs (#1716)",
        "several epochs on an already scored chunk",
        lambda _: _sliding(_training(epochs=3)),
    ),
    Row("the same, AdamW (#1722)", SCORE_FIRST, lambda _: _sliding(_training(**ADAMW))),
    Row("SLOT on the targets that it scores (#1722, v2)", ON_SCORED, lambda _: _sliding(SLOT)),
    Row(
        "score-first training, then SLOT (#1722, v3)",
        "multi-epoch TTT that reports a later pass",
        lambda _: _sliding(_training(**ADAMW), SLOT),
    ),
    Row("SLOT on the targets before (#1350)", ON_CONTEXT, lambda _: _sliding(CONTEXT)),
)
COUNTEREXAMPLES: Sequence[Row] = (
    Row(
        "each chunk trained on, then scored",
        "TTT on validation before it is scored",
        lambda _: _adapting(AdaptThenScore(_training())),
    ),
    Row(
        "whole text trained on, then scored",
        "pre-quant TTT (epochs over validation before quantization)",
        lambda _: _adapting(AdaptThenScore(_training(chunk_tokens=TEXT // TOY.context * TOY.context))),
    ),
    Row("two passes, the second reported", "two-pass rescoring", lambda _: _sliding(_training(), _training())),
    Row(
        "hashed n-gram, the target in its key",
        "hashed n-gram cache with the target in the key",
        lambda _: TargetInKey(_sliding()),
    ),
    Row(
        "smaller nats of two models",
        "best of several passes or models by the realized token",
        lambda other: SmallerOfTwo(_sliding(), other),
    ),
)


def causality_stage(facts: Path) -> None:
    """Probe every row and write ``facts``: (name, mechanism, group, what the probes measured) of each."""
    network, other = random_network(0), random_network(1)
    tokens = np.random.default_rng(0).integers(TOY.vocab_size, size=TEXT).astype(np.uint16)
    rows = [
        {"name": row.name, "mechanism": row.mechanism, "group": group}
        | {"causality": probed(row.make(other), network, tokens)}
        for group, of_group in (("pipeline", PIPELINE), ("counterexample", COUNTEREXAMPLES))
        for row in of_group
    ]
    model = TOY.model_dump(mode="json")
    write_json(
        facts,
        {
            "schema": f"tritgolf/causality/{SCHEMAS['causality']}",
            "metrics": {"model": model, "tokens": TEXT, "rows": rows},
            "provenance": provenance(model, {}),
        },
    )


def probed(method: Method, network: Network, tokens: np.ndarray[Any, Any]) -> dict[str, Any]:
    """What the probes measure of ``method``: probabilities of the whole vocabulary, even where tokens leak."""
    scores = method.score(network, tokens, "causality")
    return probe(method, network, tokens, scores, CHANGES, TOY.vocab_size, both=True).as_dict()


def random_network(seed: int) -> Network:
    """A network of toy size in which every parameter is random: nothing that starts at zero hides a leak."""
    network = Transformer(TOY).eval()
    network.enter(Phase(recurrence=True))
    randomize(network, seed)
    return network


@torch.no_grad()
def randomize(network: Network, seed: int) -> None:
    """Draw every parameter anew: matrices from N(0, 0.3²), vectors and numbers beside their initial values."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator).to(parameter.device)  # drawn alike on every device
        parameter.copy_(parameter + 0.5 * noise if parameter.ndim < 2 else 0.3 * noise)
