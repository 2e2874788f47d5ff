"""How far two tensors are apart."""

from torch import Tensor


def relative(found: Tensor, wanted: Tensor) -> float:
    """‖found − wanted‖ / ‖wanted‖, in FP64."""
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())
