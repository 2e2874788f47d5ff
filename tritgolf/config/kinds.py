"""Records laid over each other: the parts of them that are of one of several kinds, and what those are by default.

A part that says another kind than the one below it takes its place. To see that it is another, one has to know of
which kind a part is that leaves its own open.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tritgolf.config.calibration import USUAL_SOURCE
from tritgolf.config.layers import is_another, merge
from tritgolf.config.models import USUAL_KIND
from tritgolf.config.quantization import USUAL_GRID
from tritgolf.config.storage import FORMS

CALIBRATION = ("export", "calibration")
# Where the part is, the key that says its kind, what it is without.
USUAL = (
    (("model",), "kind", USUAL_KIND),
    (("model", "qat", "quantizer"), "grid", USUAL_GRID),
    (CALIBRATION, "source", USUAL_SOURCE),
)
FORM = ("export", "storages", "*", "roles", "*")  # its keys tell its grid


def lay_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base``, a whole record, with ``over`` on top. The export of another kind of model is of other keys, too.

    ``source`` says the kind of a calibration alone: elsewhere it is where something comes from.
    """
    base = with_kinds(base)
    if any(is_another(*both) for both in zip(_at(base, ("model",)), _at(over, ("model",)), strict=False)):
        base.pop("export", None)
    for below, above in zip(_at(base, CALIBRATION), _at(over, CALIBRATION), strict=False):
        if above.get("source", below["source"]) != below["source"]:
            below.clear()
    return merge(base, over)


def with_kinds(raw: dict[str, Any]) -> dict[str, Any]:
    """A copy of the record ``raw``, not yet validated, in which each part says its kind."""
    said = copy.deepcopy(raw)
    for path, key, usual in USUAL:
        for part in _at(said, path):
            part.setdefault(key, usual)
    for form in _at(said, FORM):
        if not form.keys() & {"grid", "format"} and (grid := _grid_of_keys(form)):
            form["grid"] = grid
    return said


def _grid_of_keys(form: Mapping[str, Any]) -> str | None:
    """The grid whose settings have all keys of ``form``; None where no grid's have, or several'."""
    grids = [grid for grid, settings in FORMS.items() if grid and form.keys() <= settings.model_fields.keys()]
    return grids[0] if len(grids) == 1 else None


def _at(raw: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The mappings at ``path``, where "*" is any key."""
    if not isinstance(raw, dict):
        return
    if not path:
        yield raw
        return
    for key in raw if path[0] == "*" else [path[0]]:
        yield from _at(raw.get(key), path[1:])
