"""What all schemas of reports have in common: a base that passes unknown keys, and kinds of values."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LAYER_TYPES = ("attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all")
LayerType = Literal["attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all"]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class Facts(BaseModel):
    """Base of everything read here. Unknown keys pass: a stage may measure more than reports show."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
