"""Storage by role: how every tensor of a model is written, as numbers of a format or as codes of a grid.

What the code of artifacts works with. A record may state it so; the nine settings of a U-Net's storage
(``config.export``) are put into this form there.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tritgolf.config.model import TernaryConfig
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings
from tritgolf.config.types import Decide, Format, ReloadPrecision, ScaleFormat, check


class NumbersConfig(Settings):
    """Numbers in a format, each rounded alone."""

    format: Format


class TritsConfig(Settings):
    """Codes of the ternary grid: trits, and scales in the format ``scales``.

    ``rounding`` is the ``decide`` of a U-Net's storage. ``rounding_scale``: what scales are rounded to before the
    published export rounds weights to trits by them.
    """

    grid: Literal["ternary"] = "ternary"
    quantizer: TernaryConfig
    scales: ScaleFormat
    rounding: Decide = "forward"
    rounding_scale: Format = "float32"

    @property
    def group_size(self) -> int:
        """Columns that share a scale."""
        return self.quantizer.group_size


FORMS: dict[Any, type[NumbersConfig] | type[TritsConfig] | type[IntegerConfig]] = {  # by ``grid``
    None: NumbersConfig,
    "ternary": TritsConfig,
    "integer": IntegerConfig,
}


def of_its_grid(raw: Any) -> Any:
    """``raw`` validated as the form of its ``grid``, so that a complaint names that form's keys and no other's."""
    if not isinstance(raw, Mapping) or not raw.keys() & {"grid", "format"}:
        return raw
    grids = ", ".join(str(grid) for grid in FORMS if grid)
    grid = raw.get("grid")
    check(grid is None or (isinstance(grid, str) and grid in FORMS), "grid", repr(grid), f"one of {grids}")
    return FORMS[grid].model_validate(raw)


USUAL_SCALE = {"row": "float16", "tensor": "float32"}
USUAL_DAMPING = IntegerConfig.model_fields["damping"].default
USUAL_FLOOR = IntegerConfig.model_fields["least_clip"].default
USUAL_TRITS = TritsConfig.model_fields["rounding"].default
FormConfig = Annotated[NumbersConfig | TritsConfig | IntegerConfig, BeforeValidator(of_its_grid)]


class RoleStorage(Settings):
    """``roles``: a role of the model's table of parameters (or a layer type, which comes first) → how it is stored.

    ``shrinkage``: whose correction of scales the reload applies to matrices of trits, which the model then quantizes
    again; None: codes and scales are used as they are. ``reload_dtype``: what everything is rounded to on reload.
    """

    LATER = frozenset({"shrinkage", "reload_dtype"})

    roles: Annotated[dict[str, FormConfig], Field(min_length=1)]
    shrinkage: Literal["absmean", "rms"] | None = None
    reload_dtype: ReloadPrecision = "float32"

    @property
    def group_size(self) -> int:
        """Columns that share a scale of its grids with a scale a group; 0 if it has none."""
        return max(getattr(form, "group_size", 0) for form in self.roles.values())

    @model_validator(mode="after")
    def _one_group_size(self) -> "RoleStorage":
        sizes = sorted({form.group_size for form in self.roles.values() if hasattr(form, "group_size")})
        check(len(sizes) < 2, "group_size", sizes, "the same of all roles: a file holds one")
        return self

    def by_role(self, model: Any, decide_scale: Format = "float32") -> "RoleStorage":
        """Itself: other storages are put into this form."""
        return self


def factors(storage: Settings) -> dict[str, Any]:
    """The decisions of a storage: dotted path → value, in the order of its settings."""
    return dict(_flattened(storage.model_dump(mode="json"), ""))


def forms_by_role(decisions: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The forms among ``factors``: role (or layer type) → setting → value."""
    starts = [path.rpartition(".")[0] for path in decisions if path.endswith((".format", ".grid"))]
    return {
        start.removeprefix("roles."): {
            path[len(start) + 1 :]: value for path, value in decisions.items() if path.startswith(f"{start}.")
        }
        for start in starts
    }


def form_in_words(form: Mapping[str, Any]) -> str:
    """``float16``, or ``int6 a row, clip 12.85 σ, gptq``: a form by its settings, the usual ones left out."""
    return WORDS[form.get("grid")](form)


def _trits_in_words(form: Mapping[str, Any]) -> str:
    way = "" if form["rounding"] == USUAL_TRITS else f", {form['rounding']}"
    return f"ternary, scales {form['scales']}{way}"


def _integers_in_words(form: Mapping[str, Any]) -> str:
    words = [f"int{form['bits']} a {form['scale']}" + (", even levels" if form.get("levels") == "even" else "")]
    words += [f"clip {form['clip_sigmas']:g} σ"] if form["clip_sigmas"] else []
    words += [f"clip at quantiles {form['clip_quantiles']}"] if form["clip_quantiles"] else []
    floor = f"scales from {form['least_clip']:g}/{(1 << form['bits'] - 1) - 1}"
    words += [floor] if form["least_clip"] != USUAL_FLOOR else []
    words += [str(form["scale_dtype"])] if form["scale_dtype"] != USUAL_SCALE[form["scale"]] else []
    words.append(str(form["rounding"]))
    if form["rounding"] != "nearest":
        words += [f"damping {form['damping']:g}"] if form["damping"] != USUAL_DAMPING else []
    return ", ".join(words)


WORDS: dict[Any, Callable[[Mapping[str, Any]], str]] = {  # by ``grid``, as ``FORMS``
    None: lambda form: str(form["format"]),
    "ternary": _trits_in_words,
    "integer": _integers_in_words,
}


def _flattened(settings: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        pairs += _flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]
    return pairs
