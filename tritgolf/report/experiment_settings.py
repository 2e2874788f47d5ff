"""What the files of experiments say, by their kind."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Positive, check


class Row(Settings):
    """One line of the table: a record's weights in one of its storage choices, and what that is in words."""

    record: str
    storage: str
    what: str


class Experiment(Settings):
    """``rows[0]`` is the baseline that the others are compared with, seed by seed.

    ``runs``: folders, from that of the experiment, of the records whose run isn't kept below it. ``seeds``: those to
    compare, where a run has others too. ``timed``: whether the machine did nothing else, so that times tell. ``note``:
    what else must be known of kept ones.
    """

    BESIDE: ClassVar[tuple[str, ...]] = ()  # endings of files beside its table: of a figure, or of choices
    NEEDS: ClassVar[tuple[str, ...]] = ()  # metrics of a seed besides those of training and roundtrip
    kind: str = "rows"
    title: str
    runs: dict[str, str] = Field(default_factory=dict)
    seeds: tuple[int, ...] | None = Field(default=None, min_length=1)
    timed: bool = True
    note: str = ""
    rows: tuple[Row, ...] = Field(min_length=2)


class Point(Row):
    """A row at equal bytes: matrices of so many ``bits`` a weight, which ``method`` puts on their grid.

    ``series``: what all points have in equal measure, tokens or seconds. ``width``, ``mlp_width``: of its model.
    ``recipe``: the name of what it was ``trained_by``, which is in words. ``estimate``: the bytes that its artifact has
    by the estimate of them. ``of``: what its trials chose for. ``weights``: how many are stored as the matrices are.
    """

    bits: float
    method: str
    series: str
    width: Positive
    mlp_width: Positive
    weights: Positive | None = None
    recipe: str
    trained_by: str
    estimate: Positive
    of: str


class Points(Experiment):
    """Points whose artifacts are to have ``bytes``, each within the share ``tolerance``."""

    bytes: Positive
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    rows: Annotated[tuple[Point, ...], Field(min_length=2)]


class Isobyte(Points):
    """The points that are compared; beside them their figure and the bytes of each."""

    BESIDE: ClassVar[tuple[str, ...]] = ("svg", "pdf", "png", "json")
    kind: Literal["isobyte"]


class Trials(Points):
    """Short runs, scored on text held aside: of those with one ``of`` the best has the recipe that its points get."""

    BESIDE: ClassVar[tuple[str, ...]] = ("json",)
    kind: Literal["isobyte_trials"]


ON_TOP = "… and "  # before what is changed on top of other changes


class Lever(Row):
    """A row of changes laid over a base; ``against``: the record that its gain is over, the base or the rung below.

    ``apart``: it can't be compared with the others as they can.
    """

    against: str
    apart: bool = False


class Levers(Experiment):
    """Changes of the first row's record, compared by their sliding scores.

    ``paces``: a folder, from that of the experiment, of shorter runs that were timed, each alone on its machine
    (``tritgolf.report.lever_paces``): for one that is not ``timed``.
    """

    NEEDS: ClassVar[tuple[str, ...]] = ("final/evaluate.json",)
    kind: Literal["levers"]
    paces: Annotated[str, Field(min_length=1)] | None = None
    rows: Annotated[tuple[Lever, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _has_times_of_one_place(self) -> "Levers":
        check(self.paces is None or not self.timed, "timed", "true", "false beside paces")
        return self


SETTINGS: dict[str, type[Experiment]] = {
    "rows": Experiment,
    "isobyte": Isobyte,
    "isobyte_trials": Trials,
    "levers": Levers,
}
