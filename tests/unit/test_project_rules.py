# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's rules about itself, as far as no linter knows them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

from semantic_photos.cli.arguments import COMMANDS
from tests.filter_table import README, with_table
from tests.module_list import ARCHITECTURE, listed, module_list, summary

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "semantic_photos"

MOST_LINES = 400
MOST_LINES_OF_TESTS = 500  # a list of cases is longer than what it tests, and read one case at a time
MOST_METHODS = 25

#: Files that may be longer, each with its reason.
LONG_FILES: dict[str, str] = {}

#: Classes that may have more methods, each with its reason.
LARGE_CLASSES: dict[str, str] = {
    "Indexer": "the worker's door for other threads and the steps of its loop, which share one state and one lock",
    "LibraryPage": "puts the parts of the page side by side: a few lines for each signal it connects",
    "Walk": "a test's session with the window, told in chapters: each method is one of them",
}

TOP_LEVEL = {"pyproject.toml", "semantic_photos", "resources", "tests", "packaging", "README.md"}

#: Places of a developer's machine, and addresses that belong to the environment, not to the project.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"(?<![\w.])/" + "work/",
            r"(?<![\w.])/" + "root/",
            r"(?<![\w.])/" + r"home/(?!you/)\w+/",
            r"(?<![\w.])/tmp/" + "contract",
            "pypi" + r"\.org",
            "python" + "hosted",
            "--(extra-)?" + "index-url",
            "FIX" + "ME",
            "X" * 3 + r"\b",
        )
    )
)

#: A path of the project in a Markdown text: in backticks, with a folder.
NAMED_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|toml|txt|json|sh|svg|onnx|npy))`")

TEXT_SUFFIXES = {"", ".cfg", ".desktop", ".in", ".json", ".md", ".py", ".qss", ".sh", ".svg", ".toml", ".txt", ".xml",
                 ".yaml", ".yml"}  # fmt: skip

#: Texts of others, or words from their vocabulary, that are not ours to change.
FOREIGN_TEXTS = {"packaging/LICENSE"}

COMMENTED_SUFFIXES = {".py", ".sh", ".toml", ".yaml", ".yml", ".xml", ".desktop"}


@cache
def tracked() -> tuple[str, ...]:
    """Return the paths that git knows, or skip: an unpacked archive has no git."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    answer = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    return tuple(name for name in os.fsdecode(answer.stdout).split("\0") if name and (ROOT / name).is_file())


def python_files(root: Path = ROOT) -> list[Path]:
    return [path for folder in ("semantic_photos", "tests") for path in sorted((root / folder).rglob("*.py"))]


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def long_files() -> dict[str, int]:
    """Return the files with too many lines, and how many those are."""
    found = {}
    for path in python_files():
        name = path.relative_to(ROOT).as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > (MOST_LINES_OF_TESTS if name.startswith("tests/") else MOST_LINES):
            found[name] = lines
    return found


ClassName = tuple[str, str]  # module and name


@cache
def classes(root: Path = ROOT) -> dict[ClassName, tuple[list[ClassName], set[str]]]:
    """Return the classes of a project with their bases and the names of their own methods."""
    found = {}
    for path in python_files(root):
        text = path.read_text(encoding="utf-8")
        if "class " not in text:  # parsing takes long
            continue
        module, tree = ".".join(path.relative_to(root).with_suffix("").parts), ast.parse(text)
        imported = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                bases = [imported.get(base.id, (module, base.id)) for base in node.bases if isinstance(base, ast.Name)]
                parts = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
                found[module, node.name] = bases, set(parts)
    return found


def methods_of(name: ClassName, root: Path = ROOT) -> set[str]:
    """Return the methods of a class, those of its bases within the project too."""
    bases, own = classes(root).get(name, ([], set()))
    return own.union(*(methods_of(base, root) for base in bases))


@cache
def large_classes() -> dict[str, int]:
    """Return the classes with too many methods, inherited ones too; names like ``paintEvent`` are Qt's, not ours."""
    counted = ((name, sum(part == part.lower() for part in methods_of((module, name)))) for module, name in classes())
    return {name: count for name, count in counted if count > MOST_METHODS}


def test_python_files_are_short() -> None:
    too_long = {name: lines for name, lines in long_files().items() if name not in LONG_FILES}
    assert not too_long, f"more than {MOST_LINES} lines: {too_long}"


def test_classes_are_small() -> None:
    too_large = {name: count for name, count in large_classes().items() if name not in LARGE_CLASSES}
    assert not too_large, f"more than {MOST_METHODS} methods: {too_large}"


def test_inherited_methods_count(tmp_path: Path) -> None:
    """A class cut into layers that inherit from each other is as large as before; bases of libraries do not count."""
    (tmp_path / "semantic_photos").mkdir()
    (tmp_path / "semantic_photos" / "low.py").write_text(
        "from x import QWidget\nclass Low(QWidget):\n    def a(self): ...\n    def b(self): ...\n"
    )
    (tmp_path / "semantic_photos" / "high.py").write_text(
        "from semantic_photos.low import Low as Base\nclass Middle(Base):\n    def c(self): ...\n"
        "class High(Middle):\n    def b(self): ...\n    def d(self): ...\n"
    )
    assert methods_of(("semantic_photos.high", "High"), tmp_path) == {"a", "b", "c", "d"}


def test_exceptions_are_still_needed() -> None:
    assert not set(LARGE_CLASSES) - set(large_classes())
    assert not set(LONG_FILES) - set(long_files())


def test_every_file_that_can_names_its_licence() -> None:
    without = []
    for name in tracked():
        path = ROOT / name
        is_script = path.suffix == "" and path.read_bytes()[:2] == b"#!"
        if path.suffix in COMMENTED_SUFFIXES or is_script:
            if path.name == "pyproject.toml":  # it has a field of its own for that
                continue
            head = path.read_text(encoding="utf-8").splitlines()[:3]
            if not any("SPDX-License-Identifier: GPL-3.0-or-later" in line for line in head):
                without.append(name)
    assert not without


def test_no_file_names_a_place_of_one_machine() -> None:
    found = []
    for name in tracked():
        path = ROOT / name
        if path.suffix not in TEXT_SUFFIXES or name in FOREIGN_TEXTS or path.stat().st_size > 2_000_000:
            continue
        if name.startswith("resources/packs/") and path.suffix == ".txt":  # word lists
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if FORBIDDEN.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_top_level_holds_what_it_should_and_nothing_else() -> None:
    top = {name.split("/", 1)[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_lock_files_name_no_place() -> None:
    files = sorted((ROOT / "packaging").glob("requirements*.txt"))
    assert len(files) == 4
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"http|://|file:|@ |^\s*-[^-]|^\s*--(?!hash=sha256:)", text, re.MULTILINE), path.name
        pins = re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE)
        assert pins
        assert all(f"\n{pin}" in f"\n{text}" for pin in pins)
        blocks = re.split(r"(?m)^(?=[a-z0-9-]+==)", text)[1:]
        assert all("--hash=sha256:" in block for block in blocks), path.name


def test_lock_file_has_every_package_the_program_asks_for() -> None:
    import tomllib

    project = tomllib.loads(read("pyproject.toml"))["project"]
    locked = set(re.findall(r"^([a-z0-9-]+)==", read("packaging/requirements.txt"), re.MULTILINE))
    asked = {re.match(r"[A-Za-z0-9._-]+", text) for text in project["dependencies"]}
    assert {match[0].lower().replace("_", "-") for match in asked if match} <= locked
    tests = set(re.findall(r"^([a-z0-9-]+)==", read("packaging/requirements-test.txt"), re.MULTILINE))
    wanted = {re.match(r"[A-Za-z0-9._-]+", text) for text in project["optional-dependencies"]["test"]}
    assert {match[0].lower().replace("_", "-") for match in wanted if match} <= tests


def test_python_311_never_gets_the_qt_that_ends_it() -> None:
    """PySide6 6.12.0 drops a reference of True with every emitted signal; before 3.12 that ends the process."""
    for name in ("requirements.txt", "requirements-test.txt"):
        for version, marker in re.findall(
            r"^pyside6-essentials==(\S+) ?;? ?(.*?) ?\\$", read(f"packaging/{name}"), re.M
        ):
            if version == "6.12.0":
                assert "python_full_version >= '3.12'" in marker


def test_architecture_lists_every_module_as_its_docstring_says() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert listed(text) == module_list(), "run: python -m tests.module_list"


def test_the_readme_explains_the_filters_there_are() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m tests.filter_table"
    assert not [path for path in modules() if not summary(path)]


def test_paths_in_texts_exist() -> None:
    """A path in backticks exists below the repository, the package, its training, the tests or the text's folder."""
    missing = []
    for name in tracked():
        if name.endswith(".md"):
            roots = (ROOT, PACKAGE, PACKAGE / "training", ROOT / "tests", (ROOT / name).parent)
            for path in NAMED_PATH.findall(read(name)):
                if not any((root / path).exists() for root in roots):
                    missing.append(f"{name}: {path}")
    assert not missing, "\n".join(missing)


def test_readme_documents_every_command() -> None:
    text = read("README.md")
    assert not [command for command in COMMANDS if f"semantic-photos {command}" not in text]
    for option in ("--home", "--demo", "--json", "--terminal"):
        assert f"`{option}" in text


def test_demo_pictures_are_small_and_each_licence_is_named() -> None:
    folder = ROOT / "resources" / "demo"
    pictures = sorted(folder.glob("*.jpg"))
    licences = (folder / "LICENSES.md").read_text(encoding="utf-8")
    assert 8 <= len(pictures) <= 14
    assert sum(path.stat().st_size for path in pictures) < 1_500_000
    assert set(re.findall(r"^\| (\S+\.jpg) ", licences, re.MULTILINE)) == {path.name for path in pictures}


@pytest.mark.slow
def test_services_load_neither_qt_nor_torch() -> None:
    code = (
        "import sys, semantic_photos.services.library.library\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('PySide6', 'shiboken6', 'torch')])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["semantic_photos", "tests.benchmarks"])
def test_program_and_benchmarks_say_how_many_threads_before_numpy_asks(package: str) -> None:
    code = f"import os, sys, {package}; print('numpy' in sys.modules, os.environ['OPENBLAS_NUM_THREADS'])"
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.stdout.strip() == "False 1", answer.stderr


@pytest.mark.slow
def test_wheel_holds_all_resources(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    answer = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    wanted = {f"semantic_photos/{name}" for name in tracked() if name.startswith("resources/")}
    wanted |= {name for name in tracked() if name.startswith("semantic_photos/")}
    assert not wanted - inside
    assert any(name.endswith("licenses/packaging/LICENSE") for name in inside)
    assert not [name for name in inside if "tests/" in name]


@pytest.mark.slow
def test_desktop_files_are_valid() -> None:
    if shutil.which("desktop-file-validate"):
        for path in (ROOT / "packaging").glob("*.desktop"):
            subprocess.run(["desktop-file-validate", str(path)], check=True)
    if shutil.which("appstreamcli"):
        for path in (ROOT / "packaging").glob("*.metainfo.xml"):
            subprocess.run(["appstreamcli", "validate", "--no-net", "--pedantic", str(path)], check=True)
    desktop = next((ROOT / "packaging").glob("*.desktop"))
    # The window says which desktop entry it belongs to; otherwise it gets no icon on Wayland.
    assert f'setDesktopFileName("{desktop.stem}")' in read("semantic_photos/gui/shell/app.py")
    metainfo = next((ROOT / "packaging").glob("*.metainfo.xml"))
    assert f'<launchable type="desktop-id">{desktop.name}</launchable>' in metainfo.read_text(encoding="utf-8")
    assert metainfo.name.removesuffix(".metainfo.xml") == desktop.stem == desktop.stem.lower()


@pytest.mark.slow
def test_shell_scripts_are_clean() -> None:
    scripts = ["packaging/run", "packaging/test", "packaging/lock", "packaging/environment.sh", ".ci/run"]
    for name in scripts:
        subprocess.run(["bash", "-n", name], cwd=ROOT, check=True)
        assert name.endswith(".sh") or os.access(ROOT / name, os.X_OK), f"{name} cannot be started"
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-x", "-P", ".", *scripts], cwd=ROOT, check=True)
