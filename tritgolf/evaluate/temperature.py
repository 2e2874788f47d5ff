"""Temperature scaling, really applied: the record's model ignores its temperature, so every grid point ties there."""

from dataclasses import dataclass

from tritgolf.data.shards import Tokens
from tritgolf.evaluate.score import score_temperatures
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.model.network import Network


@dataclass(frozen=True)
class Calibration:
    """``nats``: temperature → mean cross-entropy on the calibration tokens; ``best``: the lowest, 1 where it ties."""

    nats: dict[float, float]
    best: float


def calibrate(network: Network, tokens: Tokens, temperatures: tuple[float, ...], batch: int) -> Calibration:
    """Score ``tokens`` (training tokens, never validation) in non-overlapping windows at each temperature."""
    windows = chunked_windows(len(tokens), network.model.context)
    found = score_temperatures(network, tokens, windows, batch, temperatures, what="temperatures")
    nats = {t: float(scored.nats.sum()) / windows.scored for t, scored in zip(temperatures, found, strict=True)}
    return Calibration(nats, min(nats, key=lambda temperature: (nats[temperature], abs(temperature - 1))))
