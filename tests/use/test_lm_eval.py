"""What an evaluation harness asks is answered, and lm-evaluation-harness takes the adapter, on a toy task offline."""

import pytest
import torch
import yaml

import tritgolf
from tritgolf.errors import InputError
from tritgolf.files import write_text
from tritgolf.use.requests import generate_until, log_likelihood, text_log_likelihood

CONTEXT = "Line 3: ternary"


@pytest.fixture
def model(artifact):
    return tritgolf.load(artifact)


def likelihood(model, tokens, asked):
    with torch.inference_mode():
        log_probabilities = model(torch.tensor([tokens[:-1]])).double().log_softmax(-1)[0]
    return sum(float(log_probabilities[place - 1, tokens[place]]) for place in range(len(tokens) - asked, len(tokens)))


def test_a_continuation_has_the_nats_of_its_tokens(model):
    before, tokens = ([1, *model.tokenizer.encode(text)] for text in ("one", "one byte"))
    assert len(tokens) <= 17
    nats, greedy = log_likelihood(model, "one", " byte")
    assert nats == pytest.approx(likelihood(model, tokens, len(tokens) - len(before)), rel=1e-5) and not greedy
    assert nats + log_likelihood(model, "", "one")[0] == pytest.approx(text_log_likelihood(model, "one byte"), rel=1e-5)


@pytest.mark.parametrize("context", ["one byte", ""])
@pytest.mark.parametrize("continuation", ["", " ", "\n", "\t\n ", "\u200b"])
def test_a_continuation_without_a_token_has_no_score(model, context, continuation):
    """The tokenizer drops it; the score was that of the context's last token."""
    with pytest.raises(InputError, match=r"^request: its continuation (is empty|.* has no token of its own)"):
        log_likelihood(model, context, continuation)


@pytest.mark.parametrize(
    ("context", "continuation", "asked"), [("Lin", "e 3", ["ne", "▁", "3"]), ("caf", "ø\n", ["<0xC3>", "<0xB8>"])]
)
def test_all_tokens_with_a_part_of_the_continuation_are_its_own(model, context, continuation, asked):
    """ "Lin" alone ends in n: the continuation had the tokens behind as many as that has, "▁3", and its e no score."""
    pieces = model.tokenizer.encode(context + continuation, out_type=str)
    assert pieces[-len(asked) :] == asked
    tokens = [1, *model.tokenizer.encode(context + continuation)]
    nats, _ = log_likelihood(model, context, continuation)
    assert nats == pytest.approx(likelihood(model, tokens, len(asked)), rel=1e-5)


@pytest.mark.parametrize("text", ["", " ", "\n", "\t", "\u200b"])
def test_a_text_without_a_token_has_no_score(model, text):
    """A single bos has nothing behind it to score: it was a RuntimeError of tensors' sizes."""
    with pytest.raises(InputError, match=r"^request: is "):
        text_log_likelihood(model, text)
    with pytest.raises(InputError, match=r"^text: is "):
        model.bits_per_byte(text)


def test_the_likeliest_continuation_is_greedy(model):
    """Of those next tokens that are text which encodes to them: bytes that are no whole character don't."""
    answers = []
    for context in ("one", "byte", "Line", "scale", "plus", "minus", "zero", "bit", "weight", "group", "a", "0"):
        before = [1, *model.tokenizer.encode(context)]
        with torch.inference_mode():
            best = int(model(torch.tensor([before]))[0, -1].argmax())
        text = model.tokenizer.decode([*before, best])
        if [1, *model.tokenizer.encode(text)] == [*before, best]:
            answers.append(log_likelihood(model, context, text.removeprefix(context))[1])
    assert answers and all(answers)


def test_a_long_context_is_cut_at_its_beginning(model):
    tokens = [1, *model.tokenizer.encode(CONTEXT * 9 + " byte")]
    before = [1, *model.tokenizer.encode(CONTEXT * 9)]
    nats, _ = log_likelihood(model, CONTEXT * 9, " byte")
    assert nats == pytest.approx(likelihood(model, tokens[-17:], len(tokens) - len(before)), rel=1e-5)


def test_a_continuation_ends_before_what_it_is_to_end_at(model):
    whole = generate_until(model, CONTEXT, {"max_gen_toks": 12})
    stop = whole[3]
    assert generate_until(model, CONTEXT, {"max_gen_toks": 12, "until": [stop]}) == whole[: whole.index(stop)]
    assert (
        generate_until(model, CONTEXT, {"max_gen_toks": 12, "until": stop, "temperature": 1.0, "do_sample": False})
        in whole
    )


def test_the_harness_evaluates_a_toy_task(artifact, tmp_path, monkeypatch):
    lm_eval = pytest.importorskip("lm_eval", reason="the extra lm-eval is not installed")
    from lm_eval.tasks import TaskManager  # noqa: PLC0415

    from tritgolf.use.lm_eval import HarnessModel  # noqa: PLC0415

    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")
    write_text(tmp_path / "toy.jsonl", "".join(f'{{"q": "Line {n}:", "a": {n % 2}}}\n' for n in range(6)))
    task = {
        "task": "toy",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(tmp_path / "toy.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}",
        "doc_to_choice": ["one", "byte"],
        "doc_to_target": "{{a}}",
        "metric_list": [{"metric": "acc"}],
    }
    write_text(tmp_path / "tasks" / "toy.yaml", yaml.safe_dump(task))
    found = lm_eval.simple_evaluate(
        model=HarnessModel(str(artifact)), tasks=["toy"], task_manager=TaskManager(include_path=str(tmp_path / "tasks"))
    )
    model = tritgolf.load(artifact)
    pairs = [[log_likelihood(model, f"Line {n}:", choice)[0] for choice in (" one", " byte")] for n in range(6)]
    right = [(of_byte > of_one) == n % 2 for n, (of_one, of_byte) in enumerate(pairs)]
    assert found["results"]["toy"]["acc,none"] == pytest.approx(sum(right) / 6)
