"""The records of the iso-byte experiment and of its trials, made from its grid (``isobyte``)."""

import math
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from tritgolf.artifact.kinds import tensor_specs
from tritgolf.config.settings import merge, validate
from tritgolf.config.storage import RoleStorage
from tritgolf.errors import InputError
from tritgolf.experiments.isobyte import Choice, IsobyteConfig, Place, places, rates_over, storage_over
from tritgolf.experiments.own_files import OwnFiles
from tritgolf.experiments.width import Width, solve_width
from tritgolf.model.specs import parameters_of

TRIALS = "trials"  # the part that comes first
FITTED = "fitted"  # the part that comes last: whose artifact missed its bytes is trained again with another MLP


def write_isobyte(raw: dict[str, Any], path: Path, part: str, own: OwnFiles) -> None:
    """Write the records of the grid ``raw``, which ``path`` holds, or of a part of it, and what compares them.

    ``InputError`` for a grid that is not sound, and for a part that needs another one which is not done.
    """
    grid = validate(IsobyteConfig, raw, path)
    where, chooser = f"experiment {own.name + '/' + part!r}", grid.chosen_by
    if part not in ("", TRIALS, FITTED):
        raise InputError(where, "is unknown", f"there are {own.name}, {own.name}/{TRIALS} and {own.name}/{FITTED}")
    if part == TRIALS and chooser:
        raise InputError(where, f"has no trials but those of {chooser}", f"ask for {chooser}/{TRIALS}")
    points = _Points(grid, own)
    if part == TRIALS:
        _write_trials(points)
    else:
        _write_points(points, part == FITTED)


class _Points:
    """What writes the records of a grid, each of which differs from that of its recipe among ``bases``."""

    def __init__(self, grid: IsobyteConfig, own: OwnFiles) -> None:
        self.grid, self.own, self.chooser = grid, own, grid.chosen_by or own.name
        for name in grid.tried:
            own.write_record(self._base_name(name), self._of_recipe(name))
        self.bases = {name: own.load_record(self._base_name(name)) for name in grid.tried}
        self.base = self.bases[grid.tried[0]]
        self._width = cache(self._solved)

    def _base_name(self, recipe: str) -> str:
        return f"{self.own.name}_by_{recipe}"

    def _of_recipe(self, name: str) -> dict[str, Any]:
        """What all points that are trained by a recipe have alike, its rates aside."""
        return merge({"title": self.grid.title, **self.grid.record}, {"train": self.grid.recipes[name].train})

    def write(
        self, name: str, place: Place, choice: Choice, over: dict[str, Any], width_of: int | None = None
    ) -> dict[str, Any]:
        """Write the record ``name`` of a point, with ``over``; its row. ``width_of``: the model, where it is known."""
        on_grid, width = storage_over(self.grid, place), self._width(place, choice.over_estimate, width_of)
        title = f"{self.grid.title}: {place.bits} bits, {place.method}"
        recipe = self.grid.recipes[choice.recipe]
        raw: dict[str, Any] = {"inherit": self._base_name(choice.recipe), "title": title}
        rates = rates_over(self.bases[choice.recipe].train, recipe.rate)
        for more in (on_grid, rates, over, {"model": width.model}):
            raw = merge(raw, more)
        self.own.write_record(name, raw)
        return {
            "record": name,
            "storage": self.base.export.own_storage,
            "what": f"{place.bits} bits, {self.grid.methods[place.method].what}",
            "bits": float(place.bits),
            "method": place.method,
            "series": place.series,
            "width": width.width,
            "mlp_width": width.mlp_width,
            "weights": self._weights(name),
            "recipe": choice.recipe,
            "trained_by": recipe.what,
            "estimate": round(width.estimate / choice.over_estimate),
            "of": place.choice,
        }

    def _weights(self, name: str) -> int:
        """How many weights of a point are stored in codes of the commonest kind: those of its matrices."""
        record: Any = self.own.load_record(name)
        stored = record.export.storage(record.export.own_storage)
        sizes: Counter[str] = Counter()
        for spec in tensor_specs(parameters_of(record.model), stored).values():
            if spec.codes is not None:
                sizes[spec.codes.section] += math.prod(spec.shape)
        return max(sizes.values())

    def _solved(self, place: Place, over_estimate: float, width: int | None) -> Width:
        """How wide the model of a point is, or the MLP of one that is ``width`` wide."""
        own = self.base.export.own_storage
        usual = self.base.export.storages[own].model_dump(mode="json")
        storage = merge(usual, storage_over(self.grid, place)["export"]["storages"][own])
        model: Any = self.base.model
        stored, grid = RoleStorage.model_validate(storage), self.grid
        return solve_width(model, stored, grid.bytes, grid.width, over_estimate, width)

    def write_experiment(self, kind: str, title: str, rows: Iterable[dict[str, Any]]) -> None:
        facts = {"bytes": self.grid.bytes, "tolerance": self.grid.tolerance}
        self.own.write_experiment({"kind": kind, "title": title, **facts, "rows": list(rows)})


def _write_points(points: _Points, fitted: bool) -> None:
    """Write each point with what its trials chose.

    ``fitted``: of points trained before, those within the tolerance stay as they are; others get another MLP, solved
    with their own bytes.
    """
    chosen = points.own.choices(TRIALS, points.chooser)
    filled = points.own.choices("") if fitted else {}
    rows, experiment = [], f"experiment {points.own.name!r}"
    fix = f"run its trials again: experiment={points.chooser}/{TRIALS}"
    for place in places(points.grid):
        if place.choice not in chosen:
            raise InputError(experiment, f"has no choice for {place.choice}", fix)
        choice, series = Choice(**chosen[place.choice]), points.grid.series[place.series]
        if choice.recipe not in points.bases:
            raise InputError(experiment, f"no longer tries {choice.recipe}", fix)
        name, width = f"{points.own.name}_{place.name}", None
        if (found := filled.get(name)) and abs(found["off_target"]) > points.grid.tolerance:
            name, width = f"{name}_{FITTED}", int(found["width"])
            choice = choice.model_copy(update={"over_estimate": found["over_estimate"]})
        rows.append(points.write(name, place, choice, series.over, width))
    points.write_experiment("isobyte", points.grid.title, rows)


def _write_trials(points: _Points) -> None:
    """A point's trials differ in the recipe alone; those of another series are the same ones.

    The trials of one recipe stand together: those of the next one find their networks compiled.
    """
    grid = points.grid
    first = {place.choice: place for place in reversed(list(places(grid)))}
    rows = []
    for recipe, place in product(grid.tried, list(reversed(first.values()))):
        name = f"{points.own.name}_trial_{place.short}_{recipe}"
        rows.append(points.write(name, place, Choice(recipe=recipe), grid.trials))
    points.write_experiment("isobyte_trials", f"{grid.title}: trials", rows)
