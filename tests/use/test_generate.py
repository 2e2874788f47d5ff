"""With keys and values stored, a network writes what it writes without: every kind, each of its mechanisms."""

import copy

import pytest
import torch

from tests.small import REPOSITORY, random_network, random_transformer, small_model, small_transformer
from tritgolf.artifact.inspect import open_artifact
from tritgolf.errors import InputError
from tritgolf.evaluate.load import trained_network
from tritgolf.model.build import build_network
from tritgolf.model.continued import ContinuedText
from tritgolf.model.specs import MODELS
from tritgolf.use.generate import Sampling, TextStream, continuation, draw, first_shown

SAMPLES = {
    "#640": "tests/fixtures/published/sample_pr640.ternary.ptz",
    "#920, with #923's smear": "tests/fixtures/published/sample_pr920.ternary.ptz",
    "#1716": "tests/parity/sample_pr1716.int6.ptz",
    "#1722": "tests/parity/sample_pr1722.trinity.ptz",
}
PROMPT = [1, 17, 230, 230, 4]


def weights_of(network):
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def network_of(model):
    """A network of random weights as a scorer has it, in its last phase."""
    made = random_transformer(model) if model.kind == "transformer" else random_network(model)
    return trained_network(model, weights_of(made), attention="math")


CASES = {
    "unet": network_of(small_model(layers=4)),
    "unet, smear": network_of(small_model(layers=4, smear=True)),
    "transformer": network_of(small_transformer()),
    "transformer, plain": network_of(small_transformer(recurrence=None, bigram=None, gates={}, xsa_layers=0)),
}


def test_every_kind_of_model_is_tried():
    assert {name.partition(",")[0] for name in CASES} == MODELS.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_text_read_bit_by_bit_has_the_states_of_the_whole(name):
    """In FP64, so that nothing but rounding passes for rounding; #923's smear sums in FP32."""
    network = copy.deepcopy(CASES[name]).double()
    network.dtype = torch.float64
    tokens = torch.randint(300, (2, 16), generator=torch.Generator().manual_seed(3))
    text, parts = ContinuedText(network, 16), (1, 4, 1, 1, 6, 1, 1, 1)
    read = torch.cat([text.read(part) for part in tokens.split(parts, 1)], 1)
    ends = torch.tensor(parts).cumsum(0) - 1
    with torch.inference_mode():
        tolerance = 1e-5 if "smear" in name else 1e-9
        torch.testing.assert_close(read, network(tokens)[:, ends], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("sampling", [Sampling(0.0), Sampling(1.0, None, 5), Sampling(0.7, 20, 6)], ids=str)
@pytest.mark.parametrize("network", CASES.values(), ids=CASES.keys())
def test_equal_tokens_with_and_without_the_cache_beyond_the_context_too(network, sampling):
    with_cache, without = (
        list(continuation(network, PROMPT, 40, sampling, None, cache=cache)) for cache in (True, False)
    )
    assert with_cache == without and len(set(with_cache)) > 3


@pytest.mark.parametrize("network", CASES.values(), ids=CASES.keys())
def test_the_network_is_as_it_was_afterwards(network):
    tokens = torch.tensor([PROMPT])
    with torch.inference_mode():
        before = network(tokens)
        next(continuation(network, PROMPT, 4, Sampling(), None))  # left half way
        assert torch.equal(network(tokens), before)


@pytest.mark.parametrize("name", SAMPLES.values(), ids=SAMPLES.keys())
def test_published_samples_continue_a_text_alike_with_and_without_the_cache(name):
    """In FP32: in BF16, in which the files' models compute, products of other shapes round otherwise."""
    artifact = open_artifact(REPOSITORY / name)
    model = artifact.header.model.model_copy(update={"compute": "float32"})
    network = build_network(model, artifact.restore().weights())
    with_cache, without = (list(continuation(network, PROMPT, 12, Sampling(), None, cache=cache)) for cache in (1, 0))
    assert with_cache == without and len(with_cache) == 12


def test_it_ends_where_the_document_does():
    network = CASES["unet"]
    written = list(continuation(network, PROMPT, 30, Sampling(1.0), None))
    end = written[10]
    assert list(continuation(network, PROMPT, 30, Sampling(1.0), end)) == written[: written.index(end)]


def test_what_is_shown_fits_and_moves_by_half_a_context():
    shown = {length: length - first_shown(length, 16) for length in range(1, 60)}
    assert shown[1] == 1 and shown[16] == 16 and shown[17] == 9 and shown[24] == 16 and shown[25] == 9
    assert max(shown.values()) == 16
    assert [first_shown(length, 1) for length in (1, 2, 3)] == [0, 1, 2]


def test_tokens_are_drawn_as_the_settings_say():
    logits = torch.tensor([[0.0, 1.0, 3.0, 2.0]]).repeat(4000, 1)
    generator = torch.Generator().manual_seed(1)
    assert set(draw(logits, Sampling(0), generator).tolist()) == {2}
    assert set(draw(logits, Sampling(2.0, 2), generator).tolist()) == {2, 3}
    counts = draw(logits, Sampling(0.5), generator).bincount(minlength=4) / 4000
    torch.testing.assert_close(counts, (logits[0] / 0.5).softmax(-1), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("sampling", "complaint"),
    [(Sampling(-1.0), "-1.0 is not possible"), (Sampling(top_k=0), "0 is not"), (Sampling(seed=1 << 63), "64-bit")],
)
def test_settings_that_can_not_be_are_refused(sampling, complaint):
    with pytest.raises(InputError, match=complaint):
        list(continuation(CASES["unet"], PROMPT, 4, sampling, None))
    with pytest.raises(InputError, match="tokens: 0 is not possible"):
        list(continuation(CASES["unet"], PROMPT, 0, Sampling(), None))


class Bytes:
    """A tokenizer of bytes: token 65 is A."""

    def decode(self, tokens):
        return bytes(tokens).decode("utf-8", "replace")


def test_text_is_streamed_by_whole_characters():
    stream = TextStream(Bytes(), list(b"caf"))
    assert [stream.add(token) for token in "é au".encode()] == ["", "é", " ", "a", "u"]
    assert stream.add(0xC3) == "" and stream.rest() == "\ufffd"
