"""Export: how each storage choice writes each kind of tensor."""

from typing import Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Decide, Format, Positive, ReloadPrecision, ScaleFormat, check


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


FACTORS = tuple(StorageConfig.model_fields)  # the storage decisions, in the order of tables


class ExportConfig(Settings):
    """The artifact. ``decide`` says where trits come from: the training forward pass, or the FP32 master weights.

    From master weights they are decided in FP32 (``master``, as published), with scales accumulated in FP64, or in BF16
    step by step; ``forward_float16`` is the forward pass's but for scales rounded to FP16 before they decide.
    """

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
