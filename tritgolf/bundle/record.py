"""The settings of a record that its script holds: of the artifact only the record's own storage."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.export import export_of
from tritgolf.config.models import AnyModel
from tritgolf.config.settings import Settings, validate
from tritgolf.config.train import TrainConfig


def _of_the_model(raw: Any, info: ValidationInfo) -> Any:
    return export_of(info.data["model"], raw)


class BundledRecord(Settings):
    """A record without what only the workflow asks of it.

    ``grids``: what its artifact is called in a log: the narrowest codes that it holds, ``ternary`` or ``int6``.
    """

    name: str
    grids: str
    model: AnyModel
    train: TrainConfig
    export: Annotated[Any, BeforeValidator(_of_the_model)]
    evaluate: EvaluateConfig

    def with_stop(self, steps: int | None, seconds: float | None) -> "BundledRecord":
        """The same with other ``steps`` or ``seconds`` of training, where given."""
        given: dict[str, Any] = {
            key: value for key, value in (("steps", steps), ("seconds", seconds)) if value is not None
        }
        given |= {"checkpoints": []} if given else {}
        train = validate(TrainConfig, {**self.train.model_dump(mode="json"), **given}, "--steps or --seconds")
        return self.model_copy(update={"train": train})
