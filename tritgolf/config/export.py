"""Export: how each storage choice writes each kind of tensor."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tritgolf.config.calibration import CalibrationConfig
from tritgolf.config.model import UNetConfig
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings
from tritgolf.config.storage import RoleStorage
from tritgolf.config.types import Codec, CodeLayout, Decide, Format, Positive, ReloadPrecision, ScaleFormat, check


class StorageConfig(Settings):
    """How one storage choice writes each kind of tensor; what it leaves null is the record's own (``ExportConfig``).

    ``estimator``: whose scales, trits and shrinkage correction export uses; "own" is the one the model was trained with
    and quantizes with after reload.
    """

    scales: ScaleFormat
    estimator: Literal["own", "absmean", "rms"] = "own"
    decide: Decide | None = None
    shrinkage: bool | None = None
    reload_dtype: ReloadPrecision | None = None
    table: Format | None = None
    projections: Format | None = None
    mixes: Format | None = None
    vectors: Format | None = None

    @property
    def open_fields(self) -> list[str]:
        """The fields that are the record's own."""
        return [name for name, value in self if value is None]

    def by_role(self, model: UNetConfig, decide_scale: Format = "float32") -> RoleStorage:
        """This choice (all fields filled in) for the roles of ``model``: the form that artifacts are made from.

        ``ValueError`` for a field that is left open.
        """
        if self.open_fields:
            raise ValueError(
                f"the storage choice leaves {self.open_fields[0]!r} open; ExportConfig.storage fills it in"
            )
        estimator = model.quantizer.estimator if self.estimator == "own" else self.estimator
        trits = {
            "quantizer": model.quantizer.model_copy(update={"estimator": estimator}),
            "scales": self.scales,
            "rounding": self.decide,
            "rounding_scale": decide_scale,
        }
        numbers = {
            "embedding": self.table,
            "projection": self.projections,
            "mix": self.mixes,
            "control": self.vectors,
        }
        roles = dict.fromkeys(("attention", "mlp"), trits) | {role: {"format": f} for role, f in numbers.items()}
        shrinkage = estimator if self.shrinkage else None
        return RoleStorage.model_validate({"roles": roles, "shrinkage": shrinkage, "reload_dtype": self.reload_dtype})


class RoleExport(Settings):
    """The artifact of a model whose storages are stated by role.

    ``codecs``: what each section is compressed with; ``code_layouts``: how sections of integer codes are packed before
    that. The smallest is kept. ``calibration``: for storages by GPTQ.
    """

    LATER = frozenset({"code_layouts"})

    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)] = ("xz",)
    code_layouts: Annotated[tuple[CodeLayout, ...], Field(min_length=1)] = ("int_bits", "byte_planes")
    calibration: CalibrationConfig | None = None
    storages: dict[str, RoleStorage] = Field(min_length=1)
    own_storage: str
    byte_limit: Positive = 16_000_000

    @model_validator(mode="after")
    def _own_storage_is_listed(self) -> "RoleExport":
        check(self.own_storage in self.storages, "own_storage", self.own_storage, f"one of {sorted(self.storages)}")
        return self

    @model_validator(mode="after")
    def _gptq_is_calibrated(self) -> "RoleExport":
        forms = [form for storage in self.storages.values() for form in storage.roles.values()]
        by_gptq = any(isinstance(form, IntegerConfig) and form.rounding == "gptq" for form in forms)
        check(not by_gptq or self.calibration is not None, "calibration", None, "given: a storage rounds by GPTQ")
        return self

    def storage(self, name: str) -> RoleStorage:
        """The storage choice ``name``."""
        return self.storages[name]

    def by_role(self, name: str, model: Any) -> RoleStorage:
        """The storage choice ``name``, as artifacts are made from it."""
        return self.storage(name)


FACTORS = tuple(StorageConfig.model_fields)  # the storage decisions, in the order of tables


class ExportConfig(Settings):
    """The artifact. ``decide`` says where trits come from: the training forward pass, or the FP32 master weights.

    Master weights are re-quantized in FP32 (``master``, as published), with scales accumulated in FP64, or in BF16 step
    by step; ``forward_float16`` is the forward pass's but for scales rounded to FP16 before they round weights.
    """

    # No settings: sizes of all versions compare. Its codes are trits, which have their own layouts.
    codecs: ClassVar[tuple[Codec, ...]] = ("xz",)
    code_layouts: ClassVar[tuple[CodeLayout, ...]] = ("int_bits", "byte_planes")

    decide: Decide
    decide_scale: Literal["float32", "bfloat16", "float16"] = "float32"
    shrinkage: bool
    reload_dtype: ReloadPrecision
    table: Format = "e4m3"
    projections: Format = "e4m3"
    mixes: Format
    vectors: Format = "bfloat16"
    storages: dict[str, StorageConfig] = Field(min_length=1)
    own_storage: str
    byte_limit: Positive = 16_000_000

    @model_validator(mode="after")
    def _own_storage_is_listed(self) -> "ExportConfig":
        check(self.own_storage in self.storages, "own_storage", self.own_storage, f"one of {sorted(self.storages)}")
        return self

    def storage(self, name: str) -> StorageConfig:
        """The storage choice ``name`` with every field filled in."""
        given = self.storages[name].model_dump(exclude_none=True)
        own = {key: getattr(self, key) for key in StorageConfig.model_fields if hasattr(self, key)}
        return StorageConfig(**(own | given))

    def by_role(self, name: str, model: UNetConfig) -> RoleStorage:
        """The storage choice ``name``, as artifacts are made from it."""
        return self.storage(name).by_role(model, self.decide_scale)


EXPORTS: dict[str, type[ExportConfig] | type[RoleExport]] = {  # by the kind of the model
    "unet": ExportConfig,
    "transformer": RoleExport,
}


def export_of(model: Any, raw: Any) -> ExportConfig | RoleExport:
    """``raw`` as the export of this ``model``: a U-Net's own settings, or storages by role."""
    return EXPORTS[model.kind].model_validate(raw)
