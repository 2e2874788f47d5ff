"""An operator of ours that the compiler knows before it meets it in a graph."""

import torch
from torch.torch_version import TorchVersion


def make_known(operator: torch._ops.OpOverload) -> None:
    """Have the compiler call ``operator`` as it is, which it does anyway, without a word about its arguments.

    Before torch 2.13 it writes out what the first call is given, for a log that nobody asked for: each argument by all
    that it is made of. FP8's blocks hand several results on, so the text of every block's gradients, which
    ``shared_input.input_gradients`` takes, grows threefold a block: at ten blocks compiling does not end.
    """
    if TorchVersion(torch.__version__) >= TorchVersion("2.13"):
        return
    from torch._inductor.lowering import make_fallback, tag_to_layout_constraint  # noqa: PLC0415  (slow to import)
    from torch._library.utils import get_layout_constraint_tag  # noqa: PLC0415

    make_fallback(operator, tag_to_layout_constraint(get_layout_constraint_tag(operator)))
