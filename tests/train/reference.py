"""Muon and Adam for one matrix or vector at a time, as the specification states them, in float64."""

from torch import Tensor

EPSILON = 2.0**-23


def orthogonalized(gradient: Tensor, iterations: int = 3) -> Tensor:
    rows, columns = gradient.shape
    x = gradient.double()
    x = x / (x.pow(2).mean(1, keepdim=True) + EPSILON).sqrt()
    x = x / (x.pow(2).sum().sqrt() + 1e-7)
    if rows > columns:
        x = x.T
    for _ in range(iterations):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    if rows > columns:
        x = x.T
    return x * max(1.0, rows / columns) ** 0.5


class Muon:
    """Updates one matrix in place."""

    def __init__(self) -> None:
        self.buffer: Tensor | float = 0.0

    def step(self, weight: Tensor, gradient: Tensor, lr: float, momentum: float) -> None:
        self.buffer = momentum * self.buffer + gradient.double()
        weight -= lr * orthogonalized(gradient.double() + momentum * self.buffer).to(weight.dtype)


class Adam:
    """Updates one tensor in place."""

    def __init__(self) -> None:
        self.steps, self.mean, self.square = 0, 0.0, 0.0

    def step(self, weight: Tensor, gradient: Tensor, lr: float) -> None:
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient.double()
        self.square = 0.95 * self.square + 0.05 * gradient.double() ** 2
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.95**self.steps)
        weight -= (lr * mean / (square.sqrt() + 1e-8)).to(weight.dtype)
