"""What a training run is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from tritgolf.config.models import ModelConfig
from tritgolf.config.settings import Settings
from tritgolf.config.train import TrainConfig
from tritgolf.files import digest_json
from tritgolf.provenance import version_of


class PlanSettings(Settings):
    """The settings of a plan, as its file has them."""

    model: ModelConfig
    train: TrainConfig


@dataclass(frozen=True)
class Plan:
    """What to train: ``live`` is the run's folder of states and curve, ``shards`` the folder of token shards.

    A rank hangs when it has stood still for ``hang_seconds``; all are then ended and started again. ``device`` is
    ``cpu``, ``cuda``, or None: a GPU where there is one.
    """

    label: str
    model: ModelConfig
    train: TrainConfig
    seed: int
    shards: Path
    live: Path
    hang_seconds: float = 600
    device: str | None = None

    def configuration(self, shards_digest: str) -> str:
        """Digest of the settings and data that the weights depend on.

        Not of the number of ranks: it changes the order of summation, and where tokens of a step begin only above 8
        (in the order ``stream``; in ``shuffled``, which sequences a rank reads: a run may go on with other ranks).
        """
        settings = [self.model.model_dump(mode="json"), self.train.model_dump(mode="json")]
        return digest_json([version_of("train"), *settings, self.seed, shards_digest])
