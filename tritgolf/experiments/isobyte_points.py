"""The records of the iso-byte experiment and of its trials, made from its grid (``isobyte``)."""

import math
from collections.abc import Iterable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from tritgolf.artifact.kinds import tensor_specs
from tritgolf.config.layers import merge, with_ancestors
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import validate
from tritgolf.config.storage import RoleStorage
from tritgolf.config.transformer import TransformerConfig
from tritgolf.errors import InputError
from tritgolf.experiments.choices import Choice, Filled, found_by
from tritgolf.experiments.isobyte import ROLES, IsobyteConfig, Place, places, rates_over, storage_over
from tritgolf.experiments.own_files import OwnFiles
from tritgolf.experiments.width import Width, solve_width
from tritgolf.model.specs import parameters_of

TRIALS = "trials"  # the part that comes first
FITTED = "fitted"  # the part that comes last: whose artifact missed its bytes is trained again with another MLP


def write_isobyte(raw: dict[str, Any], path: Path, part: str, own: OwnFiles) -> list[str]:
    """Write the records of the grid ``raw``, which ``path`` holds, or of a part of it, and what compares them.

    Returns the texts that its trials and points read. ``InputError`` for a grid that is not sound, and for a part that
    needs another one which is not done.
    """
    grid = validate(IsobyteConfig, raw, path)
    where, chooser = f"experiment {own.name + '/' + part!r}", grid.chosen_by
    if chooser:
        _check_chooser(chooser, path)
    if part not in ("", TRIALS, FITTED):
        raise InputError(where, "is unknown", f"there are {own.name}, {own.name}/{TRIALS} and {own.name}/{FITTED}")
    if part == TRIALS and chooser:
        raise InputError(where, f"has no trials but those of {chooser}", f"ask for {chooser}/{TRIALS}")
    points = _Points(grid, own)
    if part == TRIALS:
        return _write_trials(points)
    return _write_points(points, part == FITTED)


def _check_chooser(name: str, path: Path) -> None:
    """``InputError`` unless ``name`` is another experiment, beside that at ``path``, which has trials of its own."""
    known = {other.stem: other for other in path.parent.glob("*.yaml")}
    if name == path.stem:
        raise InputError(path, f"chosen_by: {name!r} is its own name", "leave it out: so its own trials choose")
    raw = with_ancestors(known[name], known) if name in known else {}
    if raw.get("kind") != "isobyte_grid":
        what = f"chosen_by: {name!r} is no experiment with trials"
        raise InputError(path, what, f"name one of {path.parent} that has kind: isobyte_grid, or leave it out")
    if chooser := raw.get("chosen_by"):
        raise InputError(path, f"chosen_by: {name} has no trials but those of {chooser}", f"write {chooser}")


class _Points:
    """What writes the records of a grid, each of which differs from that of its recipe among ``bases``."""

    def __init__(self, grid: IsobyteConfig, own: OwnFiles) -> None:
        self.grid, self.own, self.chooser = grid, own, grid.chosen_by or own.name
        self.bases = {name: self._base_by(name) for name in grid.tried}
        self.base = self.bases[grid.tried[0]]
        self._width = cache(self._solved)

    def _base_name(self, recipe: str) -> str:
        return f"{self.own.name}_by_{recipe}"

    def _base_by(self, recipe: str) -> RecordConfig:
        """Written, what all points that are trained by a recipe have alike, its rates aside."""
        alike = {"title": self.grid.title, **self.grid.record}
        self.own.write_record(self._base_name(recipe), merge(alike, {"train": self.grid.recipes[recipe].train}))
        with self.own.told_of(f"record, with recipes.{recipe}.train"):
            return self.own.load_record(self._base_name(recipe))

    @property
    def texts(self) -> list[str]:
        """What its trials and points read."""
        over = [self.grid.trials, *(series.over for series in self.grid.series.values())]
        return [self.base.dataset, *(one["dataset"] for one in over if "dataset" in one)]

    def check(self, place: Place) -> None:
        """``InputError`` where a point can't be: told before its trials are run, of what is not laid over them."""
        choice = Choice(recipe=self.grid.tried[0])
        series = self.grid.series[place.series].over
        with self.own.told_of(_made_of(place, f"series.{place.series}.over")):
            over = self._laid_over(place, choice, series, self._width(place, choice.over_estimate, None))
            self.own.load_record(self._base_name(choice.recipe), over)

    def write_trial(self, name: str, place: Place, recipe: str) -> dict[str, Any]:
        """Write the record ``name`` of a short run by a ``recipe``; its row."""
        with self.own.told_of(_made_of(place, "trials")):
            return self._write(name, place, Choice(recipe=recipe), self.grid.trials)

    def write_point(self, name: str, place: Place, choice: Choice, width: int | None) -> dict[str, Any]:
        """Write the record ``name`` of a point; its row. ``width``: of its model, where that is known."""
        with self.own.told_of(_made_of(place, f"series.{place.series}.over")):
            return self._write(name, place, choice, self.grid.series[place.series].over, width)

    def _write(
        self, name: str, place: Place, choice: Choice, over: dict[str, Any], width_of: int | None = None
    ) -> dict[str, Any]:
        width, recipe = self._width(place, choice.over_estimate, width_of), self.grid.recipes[choice.recipe]
        title = f"{self.grid.title}: {place.bits} bits, {place.method}"
        raw: dict[str, Any] = {"inherit": self._base_name(choice.recipe), "title": title}
        self.own.write_record(name, merge(raw, self._laid_over(place, choice, over, width)))
        return {
            "record": name,
            "storage": self.base.export.own_storage,
            "what": f"{place.bits} bits, {self.grid.methods[place.method].what}",
            "bits": float(place.bits),
            "method": place.method,
            "series": place.series,
            "width": width.width,
            "mlp_width": width.mlp_width,
            "weights": _stored_like_matrices(self.own.load_record(name)),
            "recipe": choice.recipe,
            "trained_by": recipe.what,
            "estimate": round(width.estimate / choice.over_estimate),
            "of": place.choice,
        }

    def _laid_over(self, place: Place, choice: Choice, over: dict[str, Any], width: Width) -> dict[str, Any]:
        """What a point's record says besides that of its recipe."""
        raw = storage_over(self.grid, place, self.base.export.own_storage)
        rates = rates_over(self.bases[choice.recipe].train, self.grid.recipes[choice.recipe].rate)
        for more in (rates, over, {"model": width.model}):
            raw = merge(raw, more)
        return raw

    def _solved(self, place: Place, over_estimate: float, width: int | None) -> Width:
        """How wide the model of a point is, or the MLP of one that is ``width`` wide.

        ``InputError`` where that misses the bytes by more than the tolerance.
        """
        grid, own, model = self.grid, self.base.export.own_storage, self.base.model
        if not isinstance(model, TransformerConfig):
            raise InputError(self.own.source, "record.model: is no transformer", "write kind: transformer")
        usual = self.base.export.storages[own].model_dump(mode="json")
        storage = merge(usual, storage_over(grid, place, own)["export"]["storages"][own])
        with self.own.told_of(f"for {place.bits} bits"):
            stored = validate(RoleStorage, storage, "storage")
            found = solve_width(model, stored, grid.bytes, grid.width, over_estimate, width)
        if abs(found.estimate / grid.bytes - 1) > grid.tolerance:
            what = f"bytes: at {place.bits} bits {found.estimate:,} are nearest to {grid.bytes:,}, by {found.in_words}"
            fix = f"give others, smaller steps (width), or a tolerance of more than {grid.tolerance}"
            raise InputError(self.own.source, what, fix)
        return found

    def write_experiment(self, kind: str, title: str, rows: Iterable[dict[str, Any]]) -> None:
        """Write what is compared. ``InputError`` for trials of one point by one recipe, which choose nothing."""
        rows = list(rows)
        if len(rows) < 2:
            what = f"an experiment compares at least two points, and its {TRIALS} would be one"
            raise InputError(self.own.source, what, "add a recipe to tried, a format or a method")
        facts = {"bytes": self.grid.bytes, "tolerance": self.grid.tolerance}
        self.own.write_experiment({"kind": kind, "title": title, **facts, "rows": rows})


def _made_of(place: Place, over: str) -> str:
    """The keys of the grid that a point's record is made of, ``over`` among them."""
    return f"{over}, for {place.bits} bits by {place.method}"


def _stored_like_matrices(record: Any) -> int:
    """How many weights lie in the section of codes that the matrices have: theirs, and others of its kind."""
    table = parameters_of(record.model)
    specs = tensor_specs(table, record.export.storage(record.export.own_storage))
    sections = {name: spec.codes.section for name, spec in specs.items() if spec.codes is not None}
    of_matrices = {section for name, section in sections.items() if table[name].role in ROLES}
    return sum(math.prod(specs[name].shape) for name, section in sections.items() if section in of_matrices)


def _write_points(points: _Points, fitted: bool) -> list[str]:
    """Write each point with what its trials chose; the texts they read.

    ``fitted``: of points trained before, those within the tolerance stay as they are; others get another MLP, solved
    with their own bytes.
    """
    chosen = found_by(points.own, TRIALS, Choice, points.chooser)
    filled = found_by(points.own, "", Filled) if fitted else {}
    rows, experiment = [], f"experiment {points.own.name!r}"
    fix = f"run its trials again: experiment={points.chooser}/{TRIALS}"
    for place in places(points.grid):
        if place.choice not in chosen:
            raise InputError(experiment, f"has no choice for {place.choice}", fix)
        choice = chosen[place.choice]
        if choice.recipe not in points.bases:
            raise InputError(experiment, f"no longer tries {choice.recipe}", fix)
        name, width = f"{points.own.name}_{place.name}", None
        if (found := filled.get(name)) and abs(found.off_target) > points.grid.tolerance:
            name, width = f"{name}_{FITTED}", found.width
            choice = choice.model_copy(update={"over_estimate": found.over_estimate})
        rows.append(points.write_point(name, place, choice, width))
    points.write_experiment("isobyte", points.grid.title, rows)
    return points.texts


def _write_trials(points: _Points) -> list[str]:
    """A point's trials differ in the recipe alone; those of another series are the same ones. The texts they read.

    The trials of one recipe stand together: those of the next one find their networks compiled.
    """
    grid, all_places = points.grid, list(places(points.grid))
    for place in sorted(all_places, key=lambda one: -float(one.bits)):  # the widest weights want the most bytes
        points.check(place)
    first = {place.choice: place for place in reversed(all_places)}
    rows = []
    for recipe, place in product(grid.tried, list(reversed(first.values()))):
        name = f"{points.own.name}_trial_{place.short}_{recipe}"
        rows.append(points.write_trial(name, place, recipe))
    points.write_experiment("isobyte_trials", f"{grid.title}: trials", rows)
    return points.texts
