"""How wide a model may be so that its artifact has so many bytes."""

import math
from collections.abc import Callable
from itertools import dropwhile
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from tritgolf.artifact.estimate import coded_bytes
from tritgolf.config.settings import Settings
from tritgolf.config.storage import RoleStorage
from tritgolf.config.transformer import TransformerConfig
from tritgolf.config.types import Positive
from tritgolf.errors import InputError
from tritgolf.model.specs import parameters_of

WIDEST = 16_384
WIDEST_MLP = 8  # times as wide as the model: room on both sides of the usual multiple


class WidthConfig(Settings):
    """What of a transformer may change: ``width`` in steps of ``step``, then its MLP's in steps of ``mlp_step``.

    The MLP is to be ``mlp_multiple`` times as wide as the model; what the steps of the width leave goes into it.
    """

    step: Positive
    mlp_step: Positive = 1
    mlp_multiple: float = Field(default=4, gt=0)


class Width(NamedTuple):
    """``estimate``: bytes of an artifact of this width, as the solver counts them."""

    width: int
    mlp_width: int
    estimate: int

    @property
    def model(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"width": self.width, "mlp_multiple": self.mlp_width / self.width}

    @property
    def in_words(self) -> str:
        """Both widths, for a sentence."""
        return f"a model {self.width:,} wide with an MLP of {self.mlp_width:,}"


class _Sizes(NamedTuple):
    """The model, storage and settings of ``solve_width``."""

    model: TransformerConfig
    storage: RoleStorage
    target: int
    settings: WidthConfig
    over_estimate: float

    def is_possible(self, width: int) -> bool:
        """Whether the model can be so wide, whatever its MLP: its heads and gates may want more."""
        try:
            TransformerConfig.model_validate(self.model.model_dump() | {"width": width, "mlp_multiple": 1})
        except ValidationError:
            return False
        return True

    def _usual(self, width: int) -> int:
        """The MLP's width at the usual multiple."""
        step = self.settings.mlp_step
        return max(1, round(self.settings.mlp_multiple * width / step)) * step

    def bytes_of(self, width: int, mlp_width: int) -> float:
        changed = self.model.model_copy(update={"width": width, "mlp_multiple": mlp_width / width})
        estimate = coded_bytes(parameters_of(changed), self.storage)
        if estimate is None:
            raise InputError("storage", "has no estimate of its bytes", "give its grids clip_sigmas")
        return estimate * self.over_estimate

    def usual_bytes(self, width: int) -> float:
        """Those of a model of this width with an MLP of the usual multiple."""
        return self.bytes_of(width, self._usual(width))

    def filled(self, width: int) -> Width:
        """``width`` with the MLP that comes nearest to the target."""
        step = self.settings.mlp_step
        whole = [mlp for mlp in range(step, WIDEST_MLP * width, step) if _is_said(mlp, width)]
        if not whole:
            what = f"{step} is more than {WIDEST_MLP} times a width of {width}"
            raise InputError("width.mlp_step", what, "give smaller steps")
        last = _last(whole, lambda mlp: self.bytes_of(width, mlp) <= self.target)
        near = [Width(width, mlp, round(self.bytes_of(width, mlp))) for mlp in whole[max(0, last) : last + 2]]
        return min(near, key=lambda one: abs(one.estimate - self.target))


def solve_width(
    model: TransformerConfig,
    storage: RoleStorage,
    target: int,
    settings: WidthConfig,
    over_estimate: float = 1.0,
    width: int | None = None,
) -> Width:
    """The width of ``model`` whose artifact in ``storage`` comes nearest to ``target`` bytes.

    Counted is ``coded_bytes``, times ``over_estimate``, what real artifacts have over it: headers, the coder, weights
    that are not normal. The width is the one at which the MLP comes nearest to its multiple, or ``width``, where only
    the MLP's is to be solved. ``InputError`` where no width does, or the storage has no estimate.
    """
    sizes = _Sizes(model, storage, target, settings, over_estimate)
    if width is not None:
        return sizes.filled(width)
    in_steps = [width for width in range(settings.step, WIDEST, settings.step) if width % (2 * model.heads) == 0]
    widths = list(dropwhile(lambda width: not sizes.is_possible(width), in_steps))
    if not widths:
        what = f"the model can have no width in steps of {settings.step} below {WIDEST:,}"
        raise InputError("width.step", what, "give another step")
    last = _last(widths, lambda width: sizes.usual_bytes(width) <= target)
    if last < 0:
        least = math.ceil(sizes.usual_bytes(widths[0]))
        what = f"{target:,} are too few for any width in steps of {settings.step}"
        raise InputError("bytes", what, f"give at least {least:,}")
    found = [sizes.filled(width) for width in widths[last : last + 2]]
    return min(found, key=lambda one: abs(one.mlp_width / one.width - settings.mlp_multiple))


def _is_said(mlp_width: int, width: int) -> bool:
    """Whether a record can say an MLP's width: it says the multiple, a float, that is to be whole times the width."""
    return mlp_width / width * width == mlp_width


def _last(values: list[int], holds: Callable[[int], bool]) -> int:
    """Index of the last of increasing ``values`` for which ``holds`` is true, −1 for none; false ones come after."""
    low, high = -1, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(values[middle]) else (low, middle)
    return low
