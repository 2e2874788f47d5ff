import functools
import math

import numpy as np
import pytest
import torch

from tests.small import random_network, random_transformer, small_model, small_transformer
from tritgolf.evaluate import score
from tritgolf.evaluate.bytes import TextBytes, TokenBytes, unigram_bpb
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.score import (
    WindowNats,
    score_temperatures,
    score_tokens,
    score_windows,
    scored_targets,
    summarize,
)
from tritgolf.evaluate.window_sums import LOGIT_ROWS, plain_window_sums, sums_of_pass, window_sums
from tritgolf.evaluate.windows import chunked_windows, sliding_windows
from tritgolf.model.loss import softcap
from tritgolf.model.phase import Phase
from tritgolf.model.unet_pass import Pass


def text(tokens=75, vocabulary=300, seed=5) -> np.ndarray:
    return np.random.default_rng(seed).integers(vocabulary, size=tokens).astype(np.uint16)


def sizes(text_bytes, leading_space=None, silent=None, raw=None) -> TextBytes:
    count = len(text_bytes)
    pieces = TokenBytes(
        np.array(text_bytes, np.int64),
        np.array(leading_space or [False] * count),
        np.array(silent or [False] * count),
    )
    return TextBytes(pieces, raw)


@pytest.fixture(scope="module")
def network():
    return random_network(small_model(smear=True))


def one_by_one(network, tokens, windows, temperature=1.0):
    """Sums of nats and of logsumexp² a window, from whole distributions, a window and a token at a time."""
    terms = terms_one_by_one(network, tokens, windows, temperature)
    return [[math.fsum(term[which] for term in window) for window in terms] for which in (0, 1)]


@torch.no_grad()
def terms_one_by_one(network, tokens, windows, temperature=1.0):
    """(nats, logsumexp²) of every score of every window."""
    found = []
    for start, first in zip(windows.starts, windows.firsts, strict=True):
        span = torch.from_numpy(tokens[start : start + windows.length + 1].astype(np.int64))
        hidden = network(span[None, :-1])[0]
        table, bias, *_ = network.head()
        logits = softcap(hidden @ table.float().T + bias, 10.0).double() / temperature
        terms = []
        for position in range(first - start, windows.length):
            lse = math.log(sum(math.exp(x) for x in logits[position].tolist()))
            terms.append((lse - logits[position, span[position + 1]].item(), lse * lse))
        found.append(terms)
    return found


CASES = {
    "chunked": chunked_windows(75, 16),
    "sliding": sliding_windows(75, 16, 5, "every_token"),
    "drop_tail": sliding_windows(75, 16, 4, "drop_tail"),
    "short text": sliding_windows(9, 16, 4, "every_token"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("batch", "rows", "temperature"), [(1, 8192, 1.0), (3, 7, 1.0), (100, 50, 0.9)])
def test_batches_score_what_a_loop_scores(network, monkeypatch, name, batch, rows, temperature):
    monkeypatch.setitem(LOGIT_ROWS, "cpu", rows)
    windows = CASES[name]
    found = score_windows(network, text(), windows, batch, temperature)
    nats, squares = one_by_one(network, text(), windows, temperature)
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert found.squares == pytest.approx(squares, rel=1e-5)
    assert found.nats.dtype == found.squares.dtype == np.float64


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("smear", [False, True])
@pytest.mark.parametrize("attention", ["math", "sdpa"])
def test_the_last_positions_alone_score_as_the_definition_does(name, smear, attention):
    made = rebuilt(random_network(small_model(smear=smear, layers=3)), attention)
    windows = CASES[name]
    found = score_windows(made, text(), windows, 4, 0.9)
    wanted = score_windows(made, text(), windows, 4, 0.9, sums=plain_window_sums)
    assert found.nats == pytest.approx(wanted.nats, rel=1e-5)
    assert found.squares == pytest.approx(wanted.squares, rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_a_pass_of_kernels_scores_as_the_definition_does(name):
    """By its plain forms, which a CPU has."""
    made = rebuilt(random_network(small_model(layers=3)), "sdpa")
    arguments = made, text(), CASES[name], 4, (1.0, 0.9)
    by_pass = functools.partial(sums_of_pass, Pass(made))
    found = score_temperatures(*arguments, sums=by_pass)
    for ours, wanted in zip(found, score_temperatures(*arguments, sums=plain_window_sums), strict=True):
        assert ours.nats == pytest.approx(wanted.nats, rel=1e-5)
        assert ours.squares == pytest.approx(wanted.squares, rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_every_way_to_sum_tells_the_nats_of_each_score(monkeypatch, name):
    """An evaluation keeps them; a pass of kernels once gave those of the first temperature without its dimension."""
    made = rebuilt(random_network(small_model(layers=3)), "sdpa")
    arguments = made, text(), CASES[name], 4, (1.0, 0.9)
    found = []
    for sums in (plain_window_sums, window_sums, functools.partial(sums_of_pass, Pass(made))):
        monkeypatch.setattr(score, "kernel_window_sums", lambda _, sums=sums: sums)
        found.append(score.score_tokens(*arguments)[1])
    definition, *others = found
    assert definition.shape == (CASES[name].scored,)
    for each in others:
        assert each == pytest.approx(definition, rel=1e-4)


def test_temperatures_that_share_a_pass_score_as_each_by_itself(network):
    windows, grid = CASES["sliding"], (0.9, 1.0, 1.7)
    together = score_temperatures(network, text(), windows, 4, grid)
    for temperature, found in zip(grid, together, strict=True):
        alone = score_windows(network, text(), windows, 4, temperature)
        assert (found.nats == alone.nats).all()
        assert (found.squares == alone.squares).all()


def rebuilt(network, attention="auto"):
    """As evaluation gets networks: quantized once, to be scored."""
    return trained_network(network.model, {n: p.detach() for n, p in network.named_parameters()}, attention)


def compiled_by(monkeypatch, backend: str):
    """Have scoring compiled; the counter of its compilations."""
    from torch._dynamo.testing import CompileCounterWithBackend  # noqa: PLC0415 (seconds that few tests need)

    counter = CompileCounterWithBackend(backend)
    torch._dynamo.reset()
    function = torch.compile(window_sums, dynamic=False, backend=counter)
    monkeypatch.setattr(score, "compiled_window_sums", lambda: function)
    monkeypatch.setitem(score.COMPILE_FROM, "cpu", 0)
    return counter


def test_one_compilation_serves_all_networks_texts_and_temperatures(monkeypatch):
    counter = compiled_by(monkeypatch, "eager")
    first, second = (rebuilt(random_network(small_model(), seed=seed)) for seed in (0, 1))
    for made, length, temperature in ((first, 75, 1.0), (second, 75, 1.0), (first, 71, 0.9)):
        windows = sliding_windows(length, 16, 4, "every_token")
        found = score_windows(made, text(length), windows, 4, temperature)
        wanted = score_windows(made, text(length), windows, 4, temperature, sums=window_sums)
        assert (found.nats == wanted.nats).all()
        assert counter.frame_count == 1


def test_only_batches_of_the_usual_shape_are_compiled(monkeypatch):
    shapes = []

    def compiled(network, spans, scored, most, temperatures):
        shapes.append((len(spans), most))
        return window_sums(network, spans, scored, most, temperatures)

    monkeypatch.setattr(score, "compiled_window_sums", lambda: compiled)
    windows = sliding_windows(75, 16, 4, "every_token")  # 16 windows: 5 5 5 1, the first of which scores all
    network = rebuilt(random_network(small_model()))
    score_windows(network, text(), windows, 5)
    assert not shapes
    monkeypatch.setitem(score.COMPILE_FROM, "cpu", len(windows.starts) * 16)
    score_windows(network, text(), windows, 5)
    assert shapes == [(5, 4), (5, 4)]


def test_no_windows_have_no_scores(network, monkeypatch):
    """As of a rank that has no share of a short chunk, in a text long enough to compile for."""
    monkeypatch.setitem(score.COMPILE_FROM, "cpu", 0)
    windows = CASES["sliding"]
    none = windows._replace(starts=windows.starts[:0], firsts=windows.firsts[:0])
    (sums,), nats = score_tokens(network, text(), none, 4, (1.0,))
    assert (sums.nats.shape, nats.shape) == ((0,), (0,))


def test_a_part_of_a_text_is_scored_as_in_the_whole(network):
    windows = CASES["sliding"]
    part = windows._replace(starts=windows.starts[4:8], firsts=windows.firsts[4:8])
    assert part.span == (int(part.starts[0]), int(part.starts[-1]) + windows.length + 1)
    whole = score_windows(network, text(), windows, 4)
    assert (score_windows(network, text(), part, 4).nats == whole.nats[4:8]).all()


@pytest.mark.parametrize("batch", [1, 5])
def test_equal_networks_score_equally_to_the_bit(monkeypatch, batch):
    compiled_by(monkeypatch, "aot_eager")
    windows = sliding_windows(75, 16, 4, "every_token")
    network = random_network(small_model())
    one, other = (score_windows(rebuilt(network), text(), windows, batch) for _ in range(2))
    assert (one.nats == other.nats).all()
    plain = score_windows(rebuilt(network), text(), windows, batch, sums=plain_window_sums)
    assert one.nats == pytest.approx(plain.nats, rel=1e-5)


def test_scoring_sees_no_token_behind_its_target(network):
    windows, tokens = CASES["sliding"], text()
    before = score_windows(network, tokens, windows, 4).nats
    tokens[60:] = 7
    after = score_windows(network, tokens, windows, 4).nats
    ends = windows.starts + windows.length
    assert (before[ends < 60] == after[ends < 60]).all()
    assert not (before[ends > 65] == after[ends > 65]).any()


def test_a_short_window_is_scored_as_if_it_were_padded_to_the_context():
    """As by the code of #1019, whose rotary base depends on the length of the call."""
    model = small_transformer(rotary_stretch={"from_length": 8, "of": "call"})
    published = random_transformer(model)
    scored = trained_network(model, published.state_dict())
    tokens = torch.arange(12)[None]
    padded = torch.nn.functional.pad(tokens, (0, model.context - 12))
    published.enter(Phase(recurrence=True))
    with torch.inference_mode():
        wanted = published(padded)[:, :12]
        assert (scored(tokens) - wanted).abs().max() < 2e-3  # what rounding makes of it
        assert (published(tokens) - wanted).abs().max() > 0.1


def test_a_summary_by_hand():
    # targets 0 … 3 of the tokens 0 1 2 1 2: 1, 2, 1, 2 write 1, 3 (+1 for its space), 1 and 4 bytes
    tokens, windows = np.array([0, 1, 2, 1, 2], np.uint16), chunked_windows(5, 2)
    table = sizes([0, 1, 3], leading_space=[False, False, True], silent=[True, False, False])
    found = WindowNats(np.array([3.0, 5.0]), np.array([10.0, 30.0]))
    summary = summarize(found, tokens, windows, table, z_loss=0.1)
    assert (summary.bytes, summary.published_bytes, summary.byte_counting) == (10, 10, "published")
    assert summary.bpb_published_bytes == summary.bpb
    assert (summary.tokens_scored, summary.tokens_left_out) == (4, 0)
    assert summary.nats == 2.0
    assert summary.bpb == pytest.approx(8 / math.log(2) / 10)
    assert summary.record_bpb == pytest.approx((8 + 0.1 * 40) / math.log(2) / 10)


def test_raw_bytes_decide_where_they_are_known():
    tokens, windows = np.array([0, 1, 2, 1, 2], np.uint16), chunked_windows(5, 2)
    table = sizes([0, 1, 3], raw=np.array([70, 2, 5, 0, 9], np.uint16))  # the first token is no target
    found = WindowNats(np.array([3.0, 5.0]), np.array([10.0, 30.0]))
    summary = summarize(found, tokens, windows, table, z_loss=0.1)
    assert (summary.bytes, summary.published_bytes, summary.byte_counting) == (16, 8, "raw")
    assert summary.bpb == pytest.approx(8 / math.log(2) / 16)
    assert summary.bpb_published_bytes == pytest.approx(8 / math.log(2) / 8)
    assert summary.record_bpb == pytest.approx((8 + 0.1 * 40) / math.log(2) / 8)  # as published, whatever is known
    # entropies: 1 and 1 of the targets 1 2 1 2
    assert unigram_bpb(tokens, table) == pytest.approx(4 / 16)


def test_bytes_are_those_of_the_scored_targets():
    tokens, windows = text(40), sliding_windows(40, 16, 4, "drop_tail")
    lengths = np.arange(300)
    summary = summarize(WindowNats(np.ones(4), np.ones(4)), tokens, windows, sizes(lengths), 0.0)
    targets = scored_targets(windows)
    assert summary.bytes == sum(int(tokens[target + 1]) for target in targets)
    assert summary.tokens_scored == len(targets)


def test_the_unigram_bound_by_hand():
    # targets 1 1 2 3: entropies 1/2·1 + 2·(1/4·2) = 1.5 bits a token; bytes 1 + 1 + 2 + 4
    tokens = np.array([0, 1, 1, 2, 3], np.uint16)
    assert unigram_bpb(tokens, sizes([0, 1, 2, 4])) == pytest.approx(4 * 1.5 / 8)


def test_the_unigram_bound_of_one_repeated_token_is_nothing():
    assert unigram_bpb(np.array([5, 1, 1, 1], np.uint16), sizes([9, 1, 1, 1, 1, 1])) == 0.0


def test_a_model_that_knows_the_frequencies_alone_reaches_the_bound():
    """The same figure from the scores of a network whose logits are the logarithms of the frequencies."""
    tokens = np.random.default_rng(0).choice(4, p=[0.1, 0.2, 0.3, 0.4], size=161).astype(np.uint16)
    network = random_network(small_model(vocab_size=4))
    shares = np.bincount(tokens[1:], minlength=4) / 160
    wanted = torch.tensor(shares).log()
    grid = torch.linspace(-10, 10, 200_001, dtype=torch.float64)  # invert the softcap by looking it up
    bias = torch.stack([grid[(softcap(grid, 10.0) - value).abs().argmin()] for value in wanted])
    network.tok_emb.weight.data.zero_()
    network.vocab_bias.data.copy_(bias)
    windows = chunked_windows(161, 16)
    table = sizes([1, 2, 3, 4])
    summary = summarize(score_windows(network, tokens, windows, 4), tokens, windows, table, 0.0)
    assert summary.bpb == pytest.approx(unigram_bpb(tokens, table), rel=1e-4)
