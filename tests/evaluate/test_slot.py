"""Per-sample SLOT: the numbers that need no model, a plain loop, what the probe says of it, any number of ranks."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.evaluate.test_probe import Bigram
from tests.evaluate.threads import on_threads
from tritgolf.config.evaluate import SlidingSettings, SlotSettings
from tritgolf.evaluate import probe
from tritgolf.evaluate.causality import own_token
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.slot import Batch, Slot, learning_rate
from tritgolf.evaluate.windowed import Scorer, Windowed
from tritgolf.evaluate.windows import Windows, sliding_groups
from tritgolf.model.network import Head
from tritgolf.outcome import NOT_CAUSAL, Verdict

TOKENS = np.random.default_rng(0).integers(12, size=46).astype(np.uint16)
SLOT = SlotSettings(kind="slot")


class Uniform(nn.Module):
    """No model at all: a table of zeros, which gives all 1,024 pieces the same probability."""

    def __init__(self) -> None:
        super().__init__()
        self.model = SimpleNamespace(context=64, vocab_size=1024)
        self.table = nn.Parameter(torch.zeros(1024, 4))

    def forward(self, tokens, tail=None):
        return torch.zeros(*tokens.shape, 4)[:, -(tail or 0) :]

    def head(self):
        return Head(self.table, None, 30.0, "tanh")


def last_targets(tokens, count: int, settings=SLOT):
    """Nats of the last ``count`` targets of one window, whose loss is divided by ``count``."""
    windows = Windows(np.array([0]), np.array([len(tokens) - 1 - count]), len(tokens) - 1, 0)
    return Slot(settings).score(Uniform(), np.asarray(tokens, dtype=np.uint16), [windows], Scorer(8))[0].nats


def test_a_target_fitted_to_itself_costs_less_than_a_uniform_choice_and_all_pieces_add_up_to_1_8():
    """A causal scorer gives ln 1024 = 6.931472 nats and a sum of 1."""
    tokens = np.arange(65)
    assert last_targets(tokens, 1) == pytest.approx([6.335345], abs=1e-6)
    assert last_targets(tokens, 64) == pytest.approx(np.full(64, 6.385144), abs=1e-6)
    assert 1024 * np.exp(-last_targets(tokens, 1)[0]) == pytest.approx(1.8151, abs=5e-5)  # each piece costs the same
    context = SLOT.model_copy(update={"fits": "context"})
    assert last_targets(np.arange(2), 1, context) == pytest.approx([np.log(1024)])  # nothing lies before it
    fitted = last_targets([5] * 65, 1, context)  # 63 targets before it, all of them the piece that follows
    assert fitted < np.log(1024) - 0.5


def test_the_loss_has_one_divisor_for_all_windows_that_are_fitted_together():
    """A target beside 2,047 others is fitted by smaller gradients, which meet AdamW's ε."""
    window, slot = Windows(np.array([0]), np.array([63]), 64, 0), Slot(SLOT)
    batch = Batch(window, np.array([2048.0]))
    nats = slot.fitted(Uniform(), np.arange(65).astype(np.uint16), batch, Scorer(8)).nats
    assert 1024 * np.exp(-nats) == pytest.approx([1.3597], abs=5e-5)
    groups = sliding_groups(64 * 40 + 1, 64, 16, "repeat_tail")
    batches = list(slot.batches(groups, 20))
    assert [len(batch.divisors) for batch in batches] == [1, *[20] * 7, 16, 1, 1, 1]
    divisors = np.concatenate([batch.divisors for batch in batches])
    assert set(divisors[:32]) == {64 + 31 * 16}
    assert set(divisors[32:]) == {32 * 16}
    assert len(divisors) == 160


def test_learning_rates():
    rates = [learning_rate(SLOT, step) for step in range(24)]
    wanted = {0: 0.024, 1: 0.023893, 11: 0.013285, 12: 0.011715, 22: 0.001107, 23: 0.001}
    assert {step: rates[step] for step in wanted} == pytest.approx(wanted, abs=5e-7)
    assert sum(rates) == pytest.approx(0.3)
    assert learning_rate(SLOT.model_copy(update={"steps": 1}), 0) == 0.024


def method(ranks=None, batch=4, rule="repeat_tail", **settings) -> Windowed:
    """Windows of 4 tokens, a new one every 3; five of them share a divisor."""
    slot = {"kind": "slot", "steps": 3, "lr": 0.5, "windows": 5, **settings}
    return make_method(SlidingSettings(kind="sliding", stride=3, rule=rule, adapt=(slot,)), batch, ranks=ranks)


def plain_loop(network, tokens, windows):
    """The definition, a window at a time: (start, first, end) → nats of targets first … end − 1."""
    counts = [end - first for _, first, end in windows]
    nats = []
    for number, (start, first, end) in enumerate(windows):
        together = sum(counts[number // 5 * 5 : number // 5 * 5 + 5])
        ids = torch.from_numpy(tokens[start : end + 1].astype(np.int64))
        hidden, targets = network(ids[None, :-1])[0].detach()[first - start :], ids[first - start + 1 :]
        shift, bias = torch.zeros(8, requires_grad=True), torch.zeros(12, requires_grad=True)
        head = network.head()

        def each(shift=shift, bias=bias, hidden=hidden, targets=targets, head=head):
            logits = head._replace(bias=head.bias + bias).logits(hidden + shift)
            return nn.functional.cross_entropy(logits, targets, reduction="none")

        optimizer = torch.optim.AdamW([shift, bias], betas=(0.9, 0.95), eps=1e-5, weight_decay=1e-8)
        for step in range(3):
            optimizer.param_groups[0]["lr"] = 0.001 + 0.499 * 0.5 * (1 + np.cos(np.pi * step / 2))
            optimizer.zero_grad()
            (each().sum() / together).backward()
            optimizer.step()
        nats += each().tolist()
    return nats


def test_it_scores_as_the_definition_does_in_any_batch_and_leaves_the_network_alone():
    network = Bigram()
    groups = sliding_groups(len(TOKENS), 4, 3, "repeat_tail")
    windows = [
        (start, first, start + group.length)
        for group in groups
        for start, first in zip(group.starts.tolist(), group.firsts.tolist(), strict=True)
    ]
    wanted = plain_loop(Bigram(), TOKENS, windows)
    for batch in (1, 4, 100):
        scores = method(batch=batch).score(network, TOKENS, "test")
        assert scores.nats == pytest.approx(wanted, abs=2e-5)
        assert scores.targets.tolist() == [target for _, first, end in windows for target in range(first, end)]
        assert len(scores.sums.nats) == len(windows)
        assert scores.sums.nats.sum() == pytest.approx(sum(wanted), abs=1e-4)
    assert all(parameter.grad is None for parameter in network.parameters())
    plain = make_method(SlidingSettings(kind="sliding", stride=3, rule="repeat_tail"), 4).score(network, TOKENS, "test")
    assert scores.nats.mean() < plain.nats.mean() - 0.1


@pytest.mark.parametrize("world", [2, 40])
def test_ranks_share_windows_and_find_what_one_finds(world):
    """Forty ranks for fewer batches: some have none."""
    alone = method().score(Bigram(), TOKENS, "test")
    for found in on_threads(world, lambda ranks: method(ranks=ranks).score(Bigram(), TOKENS, "test")):
        assert (found.targets == alone.targets).all()
        assert (found.nats == alone.nats).all()


def probed(chosen):
    return probe.probe(chosen, Bigram(), TOKENS, chosen.score(Bigram(), TOKENS, "test"))


def test_the_probe_flags_it_and_passes_the_one_that_fits_what_lies_before():
    flagged = probed(method(rule="every_token"))
    assert flagged.causal is False
    assert "moved the score" in flagged.reason
    causal = probed(method(rule="every_token", fits="context"))
    assert causal.causal, causal.reason
    assert [own.total for own in causal.own_token] == pytest.approx([1, 1], abs=1e-5)


def test_with_one_target_a_window_no_earlier_score_moves_but_probabilities_add_up_to_more_than_one():
    def single(tokens, _):
        starts = np.arange(tokens - 4)
        return (Windows(starts, starts + 3, 4, 3),)

    chosen = replace(method(rule="every_token"), groups=single)
    found = probed(chosen)
    assert found.later_tokens.leak is None
    assert found.causal is False
    assert all(own.total > 1.1 for own in found.own_token)
    score = lambda tokens: chosen.token_nats(Bigram(), tokens[None])[0]  # noqa: E731
    assert own_token(score, TOKENS[:9], 12).verdict is Verdict.CONTRADICTED


def test_a_method_that_fits_its_targets_says_so_in_its_facts():
    assert method().facts(4)["mark"] == NOT_CAUSAL
    assert "mark" not in method(fits="context").facts(4)


def test_its_settings_are_the_records():
    wanted = {"fits": "scored", "steps": 24, "lr": 0.024, "last_lr": 0.001, "windows": 32}
    assert SLOT.model_dump(exclude={"kind"}) == wanted
