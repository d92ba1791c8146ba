"""Build contexts: what goes into a build, and when a build may be skipped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cluster import context


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "src" / "app.py").write_text("print(1)\n")
    (tree / ".gitignore").write_text(".venv/\n")
    (tree / ".venv").mkdir()
    (tree / ".venv" / "big").write_text("x" * 1000)
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    return tree


def staged(tree: Path, name: str) -> str:
    return context.stage(tree, tree.parent / name)


def test_what_git_ignores_stays_out_and_what_it_does_not_know_yet_is_in(tree: Path):
    assert context.files(tree) == [Path(".gitignore"), Path("src/app.py")]


def test_a_context_below_the_top_of_the_repository_is_only_that_folder(tree: Path):
    assert context.files(tree / "src") == [Path("app.py")]


def test_a_folder_outside_any_repository_is_taken_whole(tmp_path: Path):
    (tmp_path / "plain" / "a").mkdir(parents=True)
    (tmp_path / "plain" / "a" / "b").write_text("b")
    assert context.files(tmp_path / "plain") == [Path("a/b")]


DOCKERIGNORE = """
# Only sources.
*
!src
!README.md
**/__pycache__
src/*.tmp
"""


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("README.md", True),
        ("src/app.py", True),
        ("src/deep/er/app.py", True),
        ("docs/README.md", False),
        ("tests/test_app.py", False),
        ("src/deep/__pycache__/app.pyc", False),
        ("src/a.tmp", False),
        ("src/deep/a.tmp", True),
    ],
)
def test_dockerignore_leaves_out(path: str, inside: bool):
    assert context.wanted_by(DOCKERIGNORE)(Path(path)) == inside


def test_a_file_that_dockerignore_leaves_out_changes_nothing(tree: Path):
    (tree / ".dockerignore").write_text("*.md\n")
    before = staged(tree, "before")
    (tree / "README.md").write_text("new")
    assert staged(tree, "after") == before
    assert Path("README.md") not in context.files(tree)


def test_the_same_content_gives_the_same_digest_and_the_copy_is_complete(tree: Path):
    assert staged(tree, "one") == staged(tree, "two")
    assert (tree.parent / "one" / "src" / "app.py").read_text() == "print(1)\n"


def test_a_changed_byte_a_new_name_and_a_mode_each_change_the_digest(tree: Path):
    seen = {staged(tree, "before")}
    (tree / "src" / "app.py").chmod(0o755)
    seen.add(staged(tree, "mode"))
    (tree / "src" / "app.py").write_text("print(2)\n")
    seen.add(staged(tree, "content"))
    (tree / "src" / "app.py").rename(tree / "src" / "main.py")
    seen.add(staged(tree, "name"))
    assert len(seen) == 4


def test_dockerfile_name_and_arguments_belong_to_what_is_built(tmp_path: Path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM a\n")
    known = {context.digest("s", dockerfile, "localhost/x:1", {})}
    known.add(context.digest("s", dockerfile, "localhost/x:2", {}))
    known.add(context.digest("s", dockerfile, "localhost/x:1", {"A": "1"}))
    known.add(context.digest("t", dockerfile, "localhost/x:1", {}))
    dockerfile.write_text("FROM b\n")
    known.add(context.digest("s", dockerfile, "localhost/x:1", {}))
    assert len(known) == 5
