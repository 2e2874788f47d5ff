"""The script of a record: what its run reaches of this package, as one file that unpacks and runs itself.

The package's own code, brought together by ``shake`` and ``flatten``, minified by python-minifier, compressed with LZMA
and written in base 94, all that a raw string may hold of ASCII. It needs what ``requirements.txt`` names and no
tritgolf. The same record and sources give the same bytes.
"""

import ast
import builtins
import contextlib
import importlib.metadata
import json
import lzma
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import python_minifier
from filelock import FileLock
from python_minifier import expression_printer

from tritgolf.artifact.kinds import TensorSpec, tensor_specs
from tritgolf.bundle.flatten import FLAT, Flattened
from tritgolf.bundle.record import BundledRecord
from tritgolf.bundle.selection import selection_of
from tritgolf.bundle.shake import Shaken
from tritgolf.bundle.specialize import specialized
from tritgolf.config.record import RecordConfig
from tritgolf.files import atomic_write, digest_bytes, digest_json, read_json, write_json
from tritgolf.model.specs import network_path, parameters_of
from tritgolf.provenance import PACKAGE, package_digest

RUN, ENTRY = "tritgolf.bundle.run", "main"
NAME = "train_gpt.py"
SEPARATOR = "\0"
OLDEST_PYTHON = (3, 11)  # that a script may run on: pyproject.toml's
# The modules are files while it runs: compilers and tracebacks read their sources.
LOADER = """\
# {title}: torchrun --standalone --nproc-per-node=8 train_gpt.py --help
import atexit,json,lzma,os,shutil,sys,tempfile
if __name__=="__main__":
 d=tempfile.mkdtemp();atexit.register(shutil.rmtree,d,True)
 v=0
 for c in map(ord,r"{packed}"):v=v*94+c-32-(c>34)
 v//=94
 *p,r=lzma.decompress(v.to_bytes(v.bit_length()+7>>3)[1:]).decode().split("\\0")
 for n,s in zip(p[::2],p[1::2]):open(f"{{d}}/{{n}}.py","w",encoding="utf-8").write(s)
 sys.path.insert(0,d)
 import {flat} as m
 sys.exit(m.{entry}(json.loads(r),os.path.getsize(__file__)))
"""


class Sources(NamedTuple):
    """A script before it is packed: modules by name, minified; what ``main`` is called in the first; the settings."""

    modules: dict[str, str]
    entry: str
    settings: dict[str, Any]


def settings_of(record: RecordConfig) -> dict[str, Any]:
    """What a script holds of ``record``: no seeds, no reports, its own storage, of training what is no default."""
    raw = record.model_dump(mode="json", include={"name", "model", "export", "evaluate"})
    raw["train"] = record.train.model_dump(mode="json", exclude_defaults=True)
    export: Any = record.export  # that of the model's kind
    own = export.own_storage
    raw["export"]["storages"] = {own: raw["export"]["storages"][own]}
    raw["grids"] = _narrowest(tensor_specs(parameters_of(record.model), export.by_role(own, record.model)).values())
    return raw


def _narrowest(specs: Iterable[TensorSpec]) -> str:
    codes = [(spec.codes.bits, spec.kind) for spec in specs if spec.codes]
    return min(codes)[1].partition("_")[0] if codes else "numbers"


def sources_of(record: RecordConfig) -> Sources:
    """The modules that the run of ``record`` needs."""
    settings = settings_of(record)
    bundled = BundledRecord.model_validate(settings)
    selection = selection_of(bundled)
    shaken = Shaken(PACKAGE, lambda module, tree: specialized(module, tree, selection))
    trains, is_scored = network_path(bundled.model, bundled.train.products), network_path(bundled.model)
    networks = {path: path.split(":") for path in dict.fromkeys((is_scored, trains))}
    for module, name in ((RUN, ENTRY), *networks.values()):
        shaken.reach(module, name)
    flattened = Flattened(shaken, (RUN, *(module for module, _ in networks.values())))
    entry, flat = flattened.needs(RUN, ENTRY), flattened.flat
    for path, of_class in networks.items():
        flat = flat.replace(repr(path), repr(f"{FLAT}:{flattened.needs(*of_class)}"))
    modules = {FLAT: _minified(flat, sorted(flattened.needed))}
    return Sources(modules | {name: _minified(text) for name, text in sorted(flattened.late.items())}, entry, settings)


def script_of(record: RecordConfig) -> bytes:
    """The script of ``record``."""
    return _packed(record, sources_of(record))


def _packed(record: RecordConfig, sources: Sources) -> bytes:
    parts = [part for module in sources.modules.items() for part in module]
    packed = _in_base_94(_compressed(SEPARATOR.join([*parts, _in_order(sources.settings)]).encode()))
    return LOADER.format(title=record.name, packed=packed, flat=FLAT, entry=sources.entry).encode()


def _in_order(settings: dict[str, Any]) -> str:
    """In the record's order: the last of its methods is the headline."""
    return json.dumps(settings, separators=(",", ":"))


def write_script(record: RecordConfig, path: str | Path) -> int:
    """Write the script of ``record`` to ``path``, if another one is there or none; returns its bytes."""
    return int(made_script(record, Path(path))["bytes"])


def made_script(record: RecordConfig, path: Path) -> dict[str, Any]:
    """Facts of the script that ``write_script`` writes: its ``bytes`` and ``requirements`` among them.

    They stand beside it (``.json``): making it takes seconds, and every export asks for its size. Of exports that ask
    at once, one makes it.
    """
    made_from = _made_from(record)
    if known := _known(path, made_from):
        return known
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        return _known(path, made_from) or _written(record, path, made_from)


def _known(path: Path, made_from: str) -> dict[str, Any] | None:
    known = written_script(path)
    return known if known and known["made_from"] == made_from else None


def _written(record: RecordConfig, path: Path, made_from: str) -> dict[str, Any]:
    sources = sources_of(record)
    script = _packed(record, sources)
    with atomic_write(path) as file:
        file.write(script)
    facts = {"made_from": made_from, "bytes": len(script), "digest": digest_bytes(script)}
    facts["requirements"] = requirements(sources)
    write_json(path.with_suffix(".json"), facts)
    return facts


def written_script(path: Path) -> dict[str, Any] | None:
    """Facts of the script at ``path``, whatever it was made from; None where it is not whole."""
    facts = path.with_suffix(".json")
    if not (path.is_file() and facts.is_file()):
        return None
    known = read_json(facts)
    if not (isinstance(known, dict) and "requirements" in known):
        return None
    return known if known.get("digest") == digest_bytes(path.read_bytes()) else None


def requirements(sources: Sources) -> list[str]:
    """``name==version`` of each installed package that a script imports, without the mark of a build."""
    found: set[str] = set()
    for source in sources.modules.values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    known = importlib.metadata.packages_distributions()
    names = {known[name][0] for name in found - set(sys.stdlib_module_names) if name in known}
    return sorted(f"{name}=={importlib.metadata.version(name).split('+')[0]}" for name in names - {"tritgolf"})


def _made_from(record: RecordConfig) -> str:
    minifier = importlib.metadata.version("python-minifier")
    return digest_json([_in_order(settings_of(record)), package_digest(), platform.python_version(), minifier])


def _minified(source: str, preserved: list[str] | None = None) -> str:
    """``source`` with short names; without, of a module of kernels (no ``preserved``), whose names Triton reads."""
    names = {"rename_locals": False} if preserved is None else {"rename_globals": True, "preserve_globals": preserved}
    with _without_last_value(), _for_the_oldest_python():
        minified: str = python_minifier.minify(source, remove_annotations=False, hoist_literals=False, **names)
    return minified


@contextlib.contextmanager
def _without_last_value() -> Iterator[None]:
    """No ``_`` in builtins: interactive sessions put their last value there, and the minifier keeps builtins' names."""
    known = vars(builtins)
    was_there, last = "_" in known, known.pop("_", None)
    try:
        yield
    finally:
        if was_there:
            known["_"] = last


@contextlib.contextmanager
def _for_the_oldest_python() -> Iterator[None]:
    """No quotes of an f-string within it: from Python 3.12 on the minifier writes them, which 3.11 can't read."""
    known = vars(expression_printer)["sys"]
    vars(expression_printer)["sys"] = SimpleNamespace(version_info=OLDEST_PYTHON)
    try:
        yield
    finally:
        vars(expression_printer)["sys"] = known


def _compressed(data: bytes) -> bytes:
    """As LZMA of the old form, whose header is short; of the settings that differ for text, the smallest."""
    return min((_lzma(data, literal_bits) for literal_bits in (2, 3, 4)), key=len)


def _in_base_94(data: bytes) -> str:
    """``data`` after a 1, as one number; its digits are printable ASCII without the quote, the last, a 0, a space."""
    number = int.from_bytes(b"\1" + data) * 94
    count = number.bit_length() * 2 // 13 + 1  # a digit has 6.55 bits
    return "".join(chr(digit + 32 + (digit > 1)) for digit in _digits(number, count)).lstrip(" ")


def _digits(number: int, count: int) -> list[int]:
    """The last ``count`` digits of ``number`` in base 94, halved until they are few: one by one each reads all that is
    left."""
    if count < 9:
        return [number // 94**place % 94 for place in reversed(range(count))]
    low = count // 2
    higher, lower = divmod(number, 94**low)
    return _digits(higher, count - low) + _digits(lower, low)


def _lzma(data: bytes, literal_bits: int) -> bytes:
    preset = 9 | lzma.PRESET_EXTREME
    filters = [{"id": lzma.FILTER_LZMA1, "preset": preset, "lc": literal_bits, "pb": 0, "nice_len": 48}]
    return lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)
