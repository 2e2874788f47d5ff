"""Scripts of records of this repository, each made once a process, as that takes seconds."""

import functools

from tests.small import RECORDS
from tritgolf.bundle import script
from tritgolf.config.record import load_record


@functools.cache
def made_sources(name: str) -> script.Sources:
    return script.sources_of(load_record(name, RECORDS))


def made_script(name: str) -> bytes:
    return script._packed(load_record(name, RECORDS), made_sources(name))
