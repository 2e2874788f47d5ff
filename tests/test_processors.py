import platform
import resource

import pytest
import torch

from tritgolf.processors import use_processors

PAGES = 10 * (4 << 20) // resource.getpagesize()  # of the ten tensors below


def touched_anew() -> int:
    """Pages that the system gave while ten tensors of 4 MB were made and let go."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(1 << 20) for _ in range(10)]
    del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_memory_that_was_freed_is_there_for_the_next_tensors():
    threads = torch.get_num_threads()
    use_processors(threads)
    assert torch.get_num_threads() == threads
    touched_anew()
    assert sum(touched_anew() for _ in range(5)) < PAGES
