"""Triton kernels on a CPU: by Triton's interpreter, chosen before Triton is imported (``make kernels``)."""

import importlib.util
import os

import pytest

INTERPRETED = importlib.util.find_spec("triton") is not None and os.environ.get("TRITON_INTERPRET") == "1"
assert INTERPRETED or os.environ.get("TRITON_INTERPRET") != "1", "TRITON_INTERPRET=1, but no Triton to import"
interpreted = pytest.mark.interpreted  # skipped without it (tests/conftest.py)
