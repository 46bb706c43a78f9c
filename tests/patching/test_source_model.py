"""Sources are read into classes, functions and imports."""

import pytest

from agentotel.patching.source_model import Program, read_module, sources


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("app.py", "app"),
        ("pkg/__init__.py", "pkg"),
        ("pkg/inner/mod.py", "pkg.inner.mod"),
        ("src/lib/mod.py", "lib.mod"),
        ("namespace/mod.py", "namespace.mod"),
    ],
)
def test_module_names_are_those_of_an_import(tmp_path, file, name):
    """Packages, source folders and folders without ``__init__.py`` give the name that a program would import."""
    for known in ("pkg/__init__.py", "pkg/inner/__init__.py", file):
        (tmp_path / known).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / known).touch()
    assert read_module(tmp_path / file, tmp_path).name == name
    assert tmp_path / file in sources(tmp_path)


def test_attributes_that_init_sets_are_known(tmp_path):
    """Names assigned to ``self`` belong to the class."""
    (tmp_path / "a.py").write_text("class A:\n    x = 1\n    def __init__(self):\n        self.y, self.z = 1, 2\n")
    module = read_module(tmp_path / "a.py", tmp_path)
    assert module.classes["A"].names == {"x", "y", "z"}


def test_a_class_that_shadows_its_base_is_not_its_own_base(tmp_path):
    """``class A(other.A)`` derives from the other one."""
    (tmp_path / "one.py").write_text("class A: ...\n")
    (tmp_path / "two.py").write_text("import one\nclass A(one.A): ...\n")
    program = Program([read_module(file, tmp_path) for file in sources(tmp_path)])
    (derived,) = [cls for cls in program.classes if cls.module.name == "two"]
    assert [cls.module.name for cls in program.ancestry(derived)] == ["two", "one"]
