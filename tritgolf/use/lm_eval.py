"""A model for lm-evaluation-harness, by its ``LM`` interface; ``pip install 'tritgolf[lm-eval]'``.

``lm_eval.simple_evaluate(model=HarnessModel("final/export/bf16.tgolf"), tasks=["lambada_openai"])``
"""

from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from tqdm import tqdm

from tritgolf.use.model import load
from tritgolf.use.requests import generate_until, log_likelihood, text_log_likelihood


@register_model("tritgolf")
class HarnessModel(LM):
    """The model of an artifact; its arguments are those of ``tritgolf.load``, by name in ``model_args``."""

    def __init__(self, path: str, tokenizer: str | None = None, record: str | None = None, **_: Any) -> None:
        super().__init__()
        self.model = load(path, tokenizer, record=record)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Of (context, continuation) each: nats, negative, and whether greedy decoding gives it."""
        return [log_likelihood(self.model, *request.args) for request in tqdm(requests, disable=disable_tqdm)]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Of (text,) each: nats, negative."""
        return [text_log_likelihood(self.model, *request.args) for request in tqdm(requests, disable=disable_tqdm)]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Of (context, settings) each: the continuation."""
        return [generate_until(self.model, *request.args) for request in tqdm(requests, disable=disable_tqdm)]
