import gc
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


def test_what_is_imported_is_left_out_when_garbage_is_looked_for_and_what_comes_later_is_not():
    use_processors(torch.get_num_threads())
    kept = gc.get_freeze_count()
    assert kept > 10_000
    later = [[]]
    later[0].append(later)
    use_processors(torch.get_num_threads())
    assert gc.get_freeze_count() == kept and any(thing is later for thing in gc.get_objects())
