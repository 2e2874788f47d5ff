"""What kernels read and write where something is, in FP32 whatever lies there. Imported by kernels alone: Triton's."""

import triton
import triton.language as tl


@triton.jit
def load(pointers, known):  # type: ignore[no-untyped-def]
    """In FP32; zero where nothing is."""
    return tl.load(pointers, mask=known, other=0.0).to(tl.float32)


@triton.jit
def store(pointers, values, known):  # type: ignore[no-untyped-def]
    """In the dtype of what is written."""
    tl.store(pointers, values.to(pointers.dtype.element_ty), mask=known)
