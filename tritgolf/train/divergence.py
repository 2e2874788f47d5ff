"""Training that has diverged: told at once and for good, before anything of it is saved."""

from pathlib import Path

from torch import Tensor

from tritgolf.errors import InputError


def check_loss(loss: float, step: int, rates: dict[str, float], live: Path) -> None:
    """Raise ``InputError`` where the ``loss`` of ``step`` is not finite."""
    if loss - loss != 0:
        raise _diverged(step, f"the loss is {loss}", rates, live)


def check_weights(weights: dict[str, Tensor], step: int, rates: dict[str, float], live: Path) -> None:
    """Raise ``InputError`` where a weight is not finite after ``step``.

    The loss of a step is that before its update, so a finite one says nothing of the weights about to be saved.
    """
    for name, weight in weights.items():
        if not weight.isfinite().all():
            raise _diverged(step, f"{name} is not finite after it", rates, live)


def _diverged(step: int, what: str, rates: dict[str, float], live: Path) -> InputError:
    told = ", ".join(f"{name} {value:.3g}" for name, value in rates.items())
    return InputError(
        f"training, step {step:,}",
        f"{what} ({told})",
        f"the last good state is kept in {live}; lower the learning rates and train anew",
    )
