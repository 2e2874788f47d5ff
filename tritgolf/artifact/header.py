"""What an artifact says of itself, in our format and for a published file alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator

from tritgolf.artifact.storage import Restored, Stored, restore
from tritgolf.artifact.trits import Layout
from tritgolf.config.export import StorageConfig
from tritgolf.config.model import UNetConfig
from tritgolf.config.settings import Settings

Text = Annotated[str, Field(max_length=200)]


class ArtifactHeader(Settings):
    """Where the tensors come from, and all that is needed to reload them: the model and the complete storage choice."""

    record: Text
    seed: int | None
    checkpoint: Text
    step: int | None
    storage_name: Text
    model: UNetConfig
    storage: StorageConfig

    @model_validator(mode="after")
    def _storage_is_complete(self) -> "ArtifactHeader":
        open_fields = [name for name, value in self.storage if value is None]
        if open_fields:
            raise ValueError(f"storage.{open_fields[0]}: is left open; ExportConfig.storage fills it in")
        return self


@dataclass(frozen=True)
class Artifact:
    """An artifact that has been read: ``file_bytes`` is the size of the file, ``layout`` that of its trits.

    ``bytes_by_kind``: uncompressed payload; ``compressed_by_kind``: in the file (empty where all kinds share a stream).
    """

    path: Path
    file_format: Literal["tgolf", "ptz"]
    header: ArtifactHeader
    stored: Stored
    layout: Layout
    file_bytes: int
    bytes_by_kind: dict[str, int]
    compressed_by_kind: dict[str, int]

    def restore(self, device: torch.device | None = None) -> Restored:
        """What a model of ``header.model`` loads, made on ``device`` (the CPU, if not given)."""
        stored = self.stored if device is None else self.stored.to(device)
        return restore(stored, self.header.model, self.header.storage)


@dataclass(frozen=True)
class ArtifactInfo:
    """An artifact that has been written.

    ``bytes``: the file; ``layout``: the one kept; ``layout_bytes``: the file's size under each layout tried;
    ``bytes_by_kind``: uncompressed payload; ``compressed_by_kind``: in the file (empty where all kinds share a stream);
    ``payload_digest``: of the tensors, whatever the file format.
    """

    bytes: int
    layout: Layout
    layout_bytes: dict[Layout, int]
    bytes_by_kind: dict[str, int]
    compressed_by_kind: dict[str, int]
    payload_digest: str
