"""Storages in words: what tables call a decision, a form, and what a row of a grid changes."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tritgolf.config.export import FACTORS
from tritgolf.config.storage import RoleStorage, form_in_words, forms_by_role

ROLES, CALIBRATION, NO_CALIBRATION = "roles.", "calibration.", "none"
CALIBRATION_WORDS = {  # by source
    "training_tokens": "{batches} × {sequences} sequences",
    "generated": "{sequences} × {tokens} tokens of its own at temperature {temperature:g}",
}
USUAL = {"reload_dtype": RoleStorage.model_fields["reload_dtype"].default}  # which a dump by role leaves out
UNSAID = ("estimator", "calibration")  # where a storage is told in full


def shown_factors(factors: Mapping[str, Any]) -> dict[str, Any]:
    """The decisions of a storage as a table's columns: as they are, or, by role, a form in words for each role."""
    forms = forms_by_role(factors)
    text = {name.removeprefix(CALIBRATION): value for name, value in factors.items() if name.startswith(CALIBRATION)}
    rest = {name: value for name, value in factors.items() if not name.startswith((ROLES, CALIBRATION))}
    calibration = _calibration(text) if text else NO_CALIBRATION
    return {
        **{f"{ROLES}{role}": form_in_words(form) for role, form in forms.items()},
        **(USUAL | rest | {"calibration": calibration} if forms else rest),
    }


def _calibration(text: Mapping[str, Any]) -> str:
    """What GPTQ was calibrated on, and the damping of what was collected, if any."""
    damping = f", damped by {text['damping']:g}" if text.get("damping") else ""
    return CALIBRATION_WORDS[text["source"]].format(**text) + damping


def is_by_role(grid: pd.DataFrame) -> bool:
    """Whether the storages of ``grid_frame`` are stated by role."""
    return any(str(column).startswith(ROLES) for column in grid)


def described(row: pd.Series, own: pd.Series, lossless: pd.Series) -> str:
    """The storage in full where it is one of the two that others start from, else what it changes in the nearer one.

    Each row has the grid's factors among its columns: those that these rows have are told.
    """
    if row["same_as"]:
        return f"the same as {row['same_as']}"
    changes = {name: _changes(row, start) for name, start in (("own", own), ("lossless", lossless))}
    nearest = min(changes, key=lambda name: len(changes[name]))
    if row["storage"] in changes:
        return _in_words(row, [factor for factor in _factors(row) if factor not in UNSAID])
    return f"{nearest} but for {_in_words(row, changes[nearest])}"


def _factors(row: pd.Series) -> list[str]:
    """The decisions that a row states: a U-Net's, or those by role, a NaN being one that only other rows have."""
    by_role = [factor for factor in row.index if str(factor).startswith(ROLES) and isinstance(row[factor], str)]
    return by_role + [factor for factor in (*FACTORS, "calibration") if factor in row and not pd.isna(row[factor])]


def _changes(row: pd.Series, start: pd.Series) -> list[str]:
    """What a row states otherwise. What GPTQ is calibrated on goes without saying where nothing is rounded by it."""
    unsaid = ("calibration",) if NO_CALIBRATION in (row.get("calibration"), start.get("calibration")) else ()
    return [factor for factor in _factors(row) if row[factor] != start.get(factor) and factor not in unsaid]


def _in_words(row: pd.Series, factors: Sequence[str]) -> str:
    """These decisions of a row; roles that are stored alike are said together."""
    alike: dict[str, list[str]] = {}
    for factor in factors:
        if factor.startswith(ROLES):
            alike.setdefault(str(row[factor]), []).append(factor.removeprefix(ROLES))
    forms = [f"{', '.join(roles)}: {form}" for form, roles in alike.items()]
    words = [_word(factor, row[factor]) for factor in factors if not factor.startswith(ROLES)]
    return ("; " if forms else ", ").join([*forms, *words])


def _word(factor: str, value: object) -> str:
    if factor == "shrinkage":
        return "shrinkage correction" if value else "no shrinkage correction"
    words = {
        "decide": "trits by",
        "estimator": "estimator",
        "reload_dtype": "reload in",
        "calibration": "calibrated on",
    }
    return f"{words.get(factor, factor)} {value}"
