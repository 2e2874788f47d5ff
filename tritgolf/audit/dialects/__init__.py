"""Log dialects: the styles of the contest's families of scripts, tried in order; others are read as far as it goes.

To add one: a module with a ``Dialect`` (CONTRIBUTING.md, "A log dialect"), and its place in ``DIALECTS``.
"""

from collections.abc import Sequence

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect
from tritgolf.audit.dialects.baseline import BASELINE
from tritgolf.audit.dialects.bundled import BUNDLED
from tritgolf.audit.dialects.gdn import GDN
from tritgolf.audit.dialects.int6 import INT6
from tritgolf.audit.dialects.sp8192 import SP8192
from tritgolf.audit.dialects.ternary import TERNARY

DIALECTS = (BUNDLED, GDN, TERNARY, SP8192, INT6, BASELINE)
OTHER = Dialect("other", lambda lines: True, lambda lines: common.read(lines, common.header_settings))
SCRIPT_RULES = frozenset(rule for dialect in DIALECTS for rule in dialect.rules)


def dialect_of(lines: Sequence[str]) -> Dialect:
    """The first dialect that recognizes the lines of a run; ``OTHER`` if none does."""
    return next((dialect for dialect in DIALECTS if dialect.recognizes(lines)), OTHER)


def named(name: str) -> Dialect:
    """The dialect of this name; ``OTHER`` if there is none."""
    return next((dialect for dialect in DIALECTS if dialect.name == name), OTHER)
