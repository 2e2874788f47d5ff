"""Zero fractions of a network in training: the true ones, and the one the record prints."""

import torch

from tritgolf.model.ternary import ternarize
from tritgolf.train.trainer import Trainer

LAYER_TYPES = {
    ".attn.c_qkv.weight": "attn.qkv",
    ".attn.proj.weight": "attn.proj",
    ".mlp.fc.weight": "mlp.fc",
    ".mlp.proj.weight": "mlp.proj",
}
