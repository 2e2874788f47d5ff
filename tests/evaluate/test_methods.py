import numpy as np
import pytest

from tests.evaluate.test_score import terms_one_by_one, text
from tests.evaluate.test_windows import scored_targets
from tests.small import RECORDS, random_network, small_model
from tritgolf.config.evaluate import ChunkedSettings, EvaluateConfig, SlidingSettings
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.evaluate.methods import METHODS, make_method
from tritgolf.evaluate.score import score_temperatures
from tritgolf.evaluate.windows import chunked_windows, sliding_groups

SETTINGS = {
    "chunked": ChunkedSettings(kind="chunked"),
    "every_token": SlidingSettings(kind="sliding", stride=5, rule="every_token"),
    "drop_tail": SlidingSettings(kind="sliding", stride=4, rule="drop_tail"),
    "repeat_tail": SlidingSettings(kind="sliding", stride=4, rule="repeat_tail"),
}


def groups_of(name: str, tokens: int):
    settings = SETTINGS[name]
    return (
        (chunked_windows(tokens, 16),)
        if name == "chunked"
        else sliding_groups(tokens, 16, settings.stride, settings.rule)
    )


@pytest.fixture(scope="module")
def network():
    return random_network(small_model(smear=True))


@pytest.mark.parametrize("name", SETTINGS)
def test_nats_of_each_token_are_those_of_a_loop(network, name):
    groups = groups_of(name, 75)
    terms = [term for windows in groups for window in terms_one_by_one(network, text(), windows) for term in window]
    targets = [target for windows in groups for target in scored_targets(windows)]
    for batch in (1, 7, 100):
        scores = make_method(SETTINGS[name], batch).score(network, text(), name)
        assert scores.targets.tolist() == targets
        assert scores.nats == pytest.approx([nats for nats, _ in terms], rel=1e-4, abs=1e-5)
        assert scores.nats.dtype == scores.sums.nats.dtype == np.float64


@pytest.mark.parametrize("name", SETTINGS)
def test_texts_that_share_batches_have_the_scores_of_each_by_itself(network, name):
    method, texts = make_method(SETTINGS[name], 20), np.stack([text(40, seed=seed) for seed in range(5)])
    together = method.token_nats(network, texts)
    assert together.shape == (5, 39)
    for nats, alone in zip(together, texts, strict=True):
        assert nats == pytest.approx(method.score(network, alone, "").token_nats(40), abs=2e-5, nan_ok=True)


@pytest.mark.parametrize("name", SETTINGS)
def test_window_sums_are_those_of_window_scoring_to_the_bit_and_sums_of_the_scores(network, name):
    scores = make_method(SETTINGS[name], 7, 0.9).score(network, text(), name)
    groups = groups_of(name, 75)
    for which, temperature in ((scores.sums, 1.0), (scores.tempered, 0.9)):
        found = [score_temperatures(network, text(), windows, 7, (temperature,))[0] for windows in groups]
        assert (which.nats == np.concatenate([each.nats for each in found])).all()
        assert (which.squares == np.concatenate([each.squares for each in found])).all()
    counts = np.concatenate([windows.counts for windows in groups])
    parts = np.split(scores.nats, np.cumsum(counts)[:-1])
    assert scores.sums.nats == pytest.approx([part.sum() for part in parts], rel=1e-14)


def test_tokens_without_a_score_have_none_and_one_that_two_windows_score_has_their_sum(network):
    scores = make_method(SETTINGS["drop_tail"], 7).score(network, text(), "")
    nats = scores.token_nats(75)
    assert nats.shape == (74,)
    assert np.isnan(nats[60:]).all() and not np.isnan(nats[:60]).any()
    assert (scores.distinct, len(scores.nats)) == (60, 60)
    scores = make_method(SETTINGS["repeat_tail"], 7).score(network, text(), "")
    nats = scores.token_nats(75)
    assert (scores.distinct, len(scores.nats)) == (64, 64 + 3 * 4)
    assert nats[60:64] == pytest.approx(scores.nats[60:].reshape(4, 4).sum(0))


def test_a_text_without_a_score_is_told(network):
    with pytest.raises(InputError, match=r"its 20 tokens are too short for tail, .* every_token"):
        make_method(SETTINGS["drop_tail"], 4).score(network, text(20), "tail")


def configured(**settings) -> EvaluateConfig:
    usual = {"window_rule": "drop_tail", "headline_z_loss": True, "apply_temperature": False}
    return EvaluateConfig(**{**usual, **settings})


def test_methods_follow_from_stride_and_rule_unless_they_are_named():
    assert configured(stride=8).scoring == {
        "chunked": ChunkedSettings(kind="chunked"),
        "sliding": SlidingSettings(kind="sliding", stride=8, rule="drop_tail"),
    }
    named = {"all": {"kind": "sliding", "stride": 64, "rule": "record"}}
    assert configured(methods=named).scoring == {"all": SlidingSettings(kind="sliding", stride=64, rule="drop_tail")}
    assert {settings.kind for settings in SETTINGS.values()} == METHODS.keys()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"stride": 64}, r"methods\.ttt\.stride: 64 is not possible; it must be at most the window, 32"),
        (
            {"adapt": [{"kind": "slot"}, {"kind": "score_first", "chunk_tokens": 40}]},
            r"methods\.ttt\.adapt\.1\.chunk_tokens: 40 is not possible; it must be a multiple of the window, 32",
        ),
    ],
)
def test_each_method_says_itself_what_does_not_fit_the_window(method, expected):
    with pytest.raises(InputError, match=expected):
        load_record("tiny_int6", RECORDS, {"evaluate": {"methods": {"ttt": method}}})


def test_what_trains_while_it_scores_says_so():
    evaluate = load_record("tiny_int6", RECORDS).evaluate
    assert {name: method.trains for name, method in evaluate.scoring.items()} == {
        "chunked": False,
        "sliding": False,
        "ttt": True,
    }
    assert evaluate.adapts
    assert not configured().adapts


def test_an_old_word_is_read_and_a_dump_is_as_before():
    for word in ("record", "drop_tail"):
        settings = configured(window_rule=word)
        assert settings.window_rule == "drop_tail"
        dump = settings.model_dump(mode="json")
        assert dump["window_rule"] == "record"
        assert "methods" not in dump
        assert EvaluateConfig(**dump) == settings
    named = configured(methods={"all": {"kind": "sliding", "stride": 64, "rule": "repeat_tail"}})
    assert EvaluateConfig(**named.model_dump(mode="json")) == named
