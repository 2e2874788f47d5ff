"""What an artifact says of itself, in our format and for a published file alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator

from tritgolf.artifact.layouts.registry import Layout
from tritgolf.artifact.storage import Restored, Stored, restore
from tritgolf.config.export import StorageConfig
from tritgolf.config.models import AnyModel
from tritgolf.config.settings import Settings
from tritgolf.config.storage import RoleStorage

Text = Annotated[str, Field(max_length=200)]
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]


class ArtifactHeader(Settings):
    """Where the tensors come from, and all that is needed to reload them: the model and the complete storage choice.

    ``tokenizer``: digest of the tokenizer's file (``digest_file``) whose tokens the model was trained on, where known.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"tokenizer"})
    record: Text
    seed: int | None
    checkpoint: Text
    step: int | None
    storage_name: Text
    model: AnyModel
    storage: StorageConfig | RoleStorage
    tokenizer: Digest | None = None

    @model_validator(mode="after")
    def _storage_is_complete(self) -> "ArtifactHeader":
        if isinstance(self.storage, StorageConfig) and self.storage.open_fields:
            raise ValueError(f"storage.{self.storage.open_fields[0]}: is left open; ExportConfig.storage fills it in")
        return self

    @property
    def roles(self) -> RoleStorage:
        """The storage choice by role."""
        return self.storage.by_role(self.model)

    @property
    def group_size(self) -> int:
        """Columns that share a scale of its grids with a scale a group; 0 if the storage has none."""
        return self.roles.group_size


def published_header(model: AnyModel, storage: StorageConfig | RoleStorage) -> ArtifactHeader:
    """The header that a published artifact would have, which names no record and no seed."""
    return ArtifactHeader(
        record="published",
        seed=None,
        checkpoint="final",
        step=None,
        storage_name="published",
        model=model,
        storage=storage,
    )


@dataclass(frozen=True)
class Artifact:
    """An artifact that has been read: ``file_bytes`` is the size of the file.

    ``layouts``: of its codes, by section; ``bytes_by_kind``: uncompressed payload; ``compressed_by_kind``: in the file
    (empty where all kinds share a stream); ``assumed``: settings of the model that neither file nor record tells.
    """

    path: Path
    file_format: Literal["tgolf", "ptz", "int6_brotli", "int6_lzma"]
    header: ArtifactHeader
    stored: Stored
    layouts: dict[str, Layout]
    file_bytes: int
    bytes_by_kind: dict[str, int]
    compressed_by_kind: dict[str, int]
    assumed: tuple[str, ...] = ()

    @property
    def layout(self) -> str:
        """The layouts of its codes in one word: base3, or base3+int_bits."""
        return layout_name(self.layouts)

    def restore(self, device: torch.device | None = None) -> Restored:
        """What a model of ``header.model`` loads, made on ``device`` (the CPU, if not given)."""
        stored = self.stored if device is None else self.stored.to(device)
        return restore(stored, self.header.model, self.header.roles)


@dataclass(frozen=True)
class ArtifactInfo:
    """An artifact that has been written.

    ``bytes``: the file; ``layouts``: those of the file; ``layout_bytes``: the file's size under each layout tried;
    ``bytes_by_kind``: uncompressed payload; ``compressed_by_kind``: in the file (empty where all kinds share a stream);
    ``payload_digest``: of the tensors, whatever the file format.
    """

    bytes: int
    layouts: dict[str, Layout]
    layout_bytes: dict[Layout, int]
    bytes_by_kind: dict[str, int]
    compressed_by_kind: dict[str, int]
    payload_digest: str

    @property
    def layout(self) -> str:
        """The layouts of its codes in one word: base3, or base3+int_bits."""
        return layout_name(self.layouts)


def layout_name(layouts: Mapping[str, Layout]) -> str:
    """One word for the layouts of an artifact's sections of codes."""
    return "+".join(dict.fromkeys(layouts.values()))
