"""Methods of scoring a text, and what adapts a network while it scores: by the kind that their settings name."""

from collections.abc import Callable
from typing import Any

from tritgolf.config.evaluate import ChunkedSettings, SlidingSettings
from tritgolf.evaluate.score_first import ScoreFirst
from tritgolf.evaluate.slot import Slot
from tritgolf.evaluate.windowed import Adaptation, Method, Scorer, Windowed
from tritgolf.evaluate.windows import Windows, chunked_windows, sliding_groups
from tritgolf.ranks import Ranks, alone


def _chunked(settings: ChunkedSettings, scorer: Scorer) -> Method:
    return Windowed(lambda tokens, context: (chunked_windows(tokens, context),), scorer)


def _sliding(settings: SlidingSettings, scorer: Scorer) -> Method:
    stride, rule = settings.stride, settings.rule

    def groups(tokens: int, context: int) -> tuple[Windows, ...]:
        return sliding_groups(tokens, context, stride, rule)

    adapt = tuple(ADAPTATIONS[each.kind](each) for each in settings.adapt)
    return Windowed(groups, scorer, stride, rule, adapt)


# Kind → (settings, scorer of windows) → method. One of your own goes here.
METHODS: dict[str, Callable[[Any, Scorer], Method]] = {"chunked": _chunked, "sliding": _sliding}
# Kind → settings → adaptation, of ``adapt`` in sliding windows' settings.
ADAPTATIONS: dict[str, Callable[[Any], Adaptation]] = {"score_first": ScoreFirst, "slot": Slot}


def make_method(settings: Any, batch: int, temperature: float = 1.0, ranks: Ranks | None = None) -> Method:
    """The method that ``settings`` describe, of ``batch`` windows at a time, scoring at ``temperature`` too.

    ``ranks``: the processes that share the work; all of them make the same method and score the same text by it.
    """
    return METHODS[settings.kind](settings, Scorer(batch, temperature, ranks=ranks or alone()))
