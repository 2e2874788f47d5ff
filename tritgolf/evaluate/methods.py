"""Methods of scoring a text, and what adapts a network while it scores: by the kind that their settings name."""

from collections.abc import Callable
from typing import Any

from tritgolf.config.evaluate import ChunkedSettings, ScoreFirstSettings, SlidingSettings
from tritgolf.evaluate.score_first import Alone, ScoreFirst
from tritgolf.evaluate.windowed import Adaptation, Method, Scorer, Windowed
from tritgolf.evaluate.windows import Windows, chunked_windows, sliding_groups


def _chunked(settings: ChunkedSettings, batch: int, temperature: float) -> Method:
    return Windowed(lambda tokens, context: (chunked_windows(tokens, context),), Scorer(batch, temperature))


def _sliding(settings: SlidingSettings, batch: int, temperature: float) -> Method:
    stride, rule = settings.stride, settings.rule

    def groups(tokens: int, context: int) -> tuple[Windows, ...]:
        return sliding_groups(tokens, context, stride, rule)

    adapt = tuple(ADAPTATIONS[each.kind](each) for each in settings.adapt)
    return Windowed(groups, Scorer(batch, temperature), stride, rule, adapt)


def _score_first(settings: ScoreFirstSettings) -> Adaptation:
    return ScoreFirst(settings, Alone())


# Kind → (settings, windows at a time, temperature) → method. One of your own goes here.
METHODS: dict[str, Callable[[Any, int, float], Method]] = {"chunked": _chunked, "sliding": _sliding}
# Kind → settings → adaptation, of ``adapt`` in sliding windows' settings.
ADAPTATIONS: dict[str, Callable[[Any], Adaptation]] = {"score_first": _score_first}


def make_method(settings: Any, batch: int, temperature: float = 1.0) -> Method:
    """The method that ``settings`` describe, of ``batch`` windows at a time, scoring at ``temperature`` too."""
    return METHODS[settings.kind](settings, batch, temperature)
