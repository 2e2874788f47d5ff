import pytest

from tritgolf.data import docstrings as module
from tritgolf.data.docstrings import file_docstrings, package_version, read_docstrings, source_files
from tritgolf.errors import InputError

SOURCE = '''
"""Module."""

class A:
    """A class.

        Indented more.
    Back again.
    """

    def method(self):
        r"""Has a \\d in it."""

    if True:
        async def nested(self):
            """Nested."""
            return lambda: "no docstring"

try:
    pass
except ValueError:
    def handler():
        """In a handler."""
else:
    match 1:
        case _:
            def case():
                """In a case."""

def empty():
    """   """

x = 1
"""Not a docstring."""
'''


def test_docstrings_of_modules_classes_and_functions_at_any_depth(tmp_path):
    (tmp_path / "a.py").write_text(SOURCE)
    assert set(file_docstrings(tmp_path / "a.py")) == {
        "Module.",
        "A class.\n\n    Indented more.\nBack again.",
        r"Has a \d in it.",
        "Nested.",
        "In a handler.",
        "In a case.",
    }


def test_what_is_no_text_is_passed_over(tmp_path):
    (tmp_path / "a.py").write_text('"""Lone \\ud800."""\n')
    assert list(file_docstrings(tmp_path / "a.py")) == []


@pytest.mark.parametrize("source", ["def f(:\n", 'x = "\0"\n'])
def test_what_is_no_python_is_named(tmp_path, monkeypatch, source):
    fine, template = tmp_path / "fine.py", tmp_path / "template.py"
    fine.write_text('"""Fine."""\n')
    template.write_text(source)
    monkeypatch.setattr(module, "source_files", lambda package: [template, fine])
    not_read = {}
    assert read_docstrings(["mine"], not_read) == ["Fine."]
    assert list(not_read) == [template]
    assert not_read[template].startswith("not Python of this version")


def test_a_package_is_read_the_same_each_time_without_duplicates_or_tests():
    first = read_docstrings(["pydantic"])
    assert first == read_docstrings(["pydantic", "pydantic"])
    assert len(set(first)) == len(first) > 100
    assert all(text == text.strip() for text in first)
    assert not [path for path in source_files("numpy") if "tests" in path.parts]


def test_a_package_that_is_not_here_is_an_error():
    with pytest.raises(InputError, match="package 'no-such-package': is not installed; pip install no-such-package"):
        read_docstrings(["no-such-package"])
    with pytest.raises(InputError, match="is not installed"):
        package_version("")
