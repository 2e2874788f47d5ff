"""What an evaluation harness asks of a model: the log-likelihood of a continuation, of a text, and a continuation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tritgolf.use.model import Model
from tritgolf.use.tokenizers import encoded_pair, encoded_to_score

MOST_TOKENS = 256  # of a continuation whose request doesn't say


def log_likelihood(model: Model, context: str, continuation: str) -> tuple[float, bool]:
    """Nats (negative) of ``continuation`` after ``context``, and whether each of its tokens is the likeliest.

    Both are encoded as one text. Of a text beyond the model's context its end is shown: what is left of the context is
    what leaves room for the continuation. A token that joins both over the seam counts as the continuation's.
    ``InputError`` where that alone is too long, can't be encoded, or has no token: empty, or white space at the end,
    which the tokenizer drops. The harness's own models assert that there is one.
    """
    tokens, asked = encoded_pair(model.tokenizer, context, continuation, "request")
    shown = torch.tensor([tokens[-min(len(tokens), max(asked, model.header.model.context) + 1) :]])
    with torch.inference_mode():
        log_probabilities = model(shown[:, :-1].to(model.device)).double().cpu().log_softmax(-1)[0, -asked:]
    targets = shown[0, -asked:]
    nats = log_probabilities.gather(-1, targets[:, None])
    return float(nats.sum()), bool((log_probabilities.argmax(-1) == targets).all())


def text_log_likelihood(model: Model, text: str) -> float:
    """Nats (negative) of all of ``text``, as one document, by sliding windows half a context apart.

    ``InputError`` for a text without a token: empty, or white space alone.
    """
    return -float(model.token_nats(encoded_to_score(model.tokenizer, text, "request")).sum())


def generate_until(model: Model, context: str, settings: Mapping[str, Any]) -> str:
    """What follows ``context`` up to the first of the texts ``until``, by a harness's names of settings."""
    until = settings.get("until") or []
    stops: Sequence[str] = [until] if isinstance(until, str) else until
    sampled = settings.get("do_sample", True)
    temperature = float(settings.get("temperature", 0.0)) if sampled else 0.0
    text = ""
    for piece in model.stream(context, int(settings.get("max_gen_toks", MOST_TOKENS)), temperature=temperature):
        text += piece
        if ends := [text.index(stop) for stop in stops if stop and stop in text]:
            return text[: min(ends)]
    return text
