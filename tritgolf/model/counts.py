"""Parameter counts from a configuration alone: no tensor is made."""

from dataclasses import asdict, dataclass

from tritgolf.config.model import UNetConfig
from tritgolf.config.models import ModelConfig
from tritgolf.model.specs import parameters_of


@dataclass(frozen=True)
class ParameterCounts:
    """``published`` counts as the published logs do, with the output matrix that tying leaves unused."""

    published: int
    unused: int
    trained: int
    ternary: int
    groups: int
    stored_fp: int

    def as_dict(self) -> dict[str, int]:
        """Plain numbers for JSON."""
        return asdict(self)


def parameter_shapes(model: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Name → shape of every parameter and saved buffer, in state-dict order."""
    return {name: parameter.shape for name, parameter in parameters_of(model).items()}


def trained_parameters(model: ModelConfig) -> int:
    """How many numbers are trained, those among them that a record's optimizers leave out (#1716's hash table)."""
    return sum(parameter.size for parameter in parameters_of(model).values() if parameter.trained)


def parameter_counts(model: ModelConfig) -> dict[str, int]:
    """Counts for a run's facts: a U-Net's by what becomes of them, of another model how many are trained."""
    if isinstance(model, UNetConfig):
        return count_parameters(model).as_dict()
    return dict.fromkeys(("published", "trained"), trained_parameters(model))


def described_counts(model: ModelConfig) -> dict[str, int]:
    """The same for people: of a model other than a U-Net also how many are trained of each role."""
    if isinstance(model, UNetConfig):
        return parameter_counts(model)
    by_role: dict[str, int] = {}
    for parameter in parameters_of(model).values():
        by_role[parameter.role] = by_role.get(parameter.role, 0) + parameter.size * parameter.trained
    return parameter_counts(model) | by_role


def count_parameters(model: UNetConfig) -> ParameterCounts:
    """Counts by what becomes of a U-Net's parameters."""
    table = parameters_of(model).values()
    ternary = sum(parameter.size for parameter in table if parameter.is_quantized)
    trained = trained_parameters(model)
    unused = model.vocab_size * model.width
    return ParameterCounts(
        published=trained + unused,
        unused=unused,
        trained=trained,
        ternary=ternary,
        groups=ternary // model.quantizer.group_size,
        stored_fp=trained - ternary,
    )
