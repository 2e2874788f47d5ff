"""How wide a model may be so that its artifact has so many bytes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import Field

from tritgolf.artifact.estimate import coded_bytes
from tritgolf.config.settings import Settings
from tritgolf.config.storage import RoleStorage
from tritgolf.config.transformer import TransformerConfig
from tritgolf.config.types import Positive
from tritgolf.errors import InputError
from tritgolf.model.specs import parameters_of

WIDEST = 16_384


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


class _Sizes(NamedTuple):
    """The model, storage and settings of ``solve_width``."""

    model: TransformerConfig
    storage: RoleStorage
    target: int
    settings: WidthConfig
    over_estimate: float

    def bytes_of(self, width: int, mlp_width: int) -> float:
        changed = self.model.model_copy(update={"width": width, "mlp_multiple": mlp_width / width})
        estimate = coded_bytes(parameters_of(changed), self.storage)
        if estimate is None:
            raise InputError("storage", "has no estimate of its bytes", "give its grids clip_sigmas")
        return estimate * self.over_estimate

    def is_narrow(self, width: int) -> bool:
        """Whether an MLP of the usual multiple leaves bytes over."""
        step = self.settings.mlp_step
        usual = max(1, round(self.settings.mlp_multiple * width / step)) * step
        return self.bytes_of(width, usual) <= self.target

    def filled(self, width: int) -> Width:
        """``width`` with the MLP that comes nearest to the target."""
        step = self.settings.mlp_step
        whole = [mlp for mlp in range(step, 8 * width, step) if mlp / width * width == mlp]
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
    widths = [width for width in range(settings.step, WIDEST, settings.step) if width % (2 * model.heads) == 0]
    last = _last(widths, sizes.is_narrow)
    if last < 0:
        raise InputError("bytes", f"{target:,} are too few for any width in steps of {settings.step}", "give more")
    found = [sizes.filled(width) for width in widths[last : last + 2]]
    return min(found, key=lambda one: abs(one.mlp_width / one.width - settings.mlp_multiple))


def _last(values: list[int], holds: Callable[[int], bool]) -> int:
    """Index of the last of increasing ``values`` for which ``holds`` is true, −1 for none; false ones come after."""
    low, high = -1, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(values[middle]) else (low, middle)
    return low
