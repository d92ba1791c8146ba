"""Hooks of MkDocs: what stands beside docs/ belongs to the site too, and the menu follows the folders.

Links are written so that they work where the file is read most, in the repository; here they are turned into links of
the site.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
BESIDE = {
    "ARCHITECTURE.md": "explanation/architecture.md",
    "CHANGELOG.md": "reference/changelog.md",
    "CONTRIBUTING.md": "explanation/contributing.md",
    "runtimes_images/README.md": "reference/runtime-contract.md",
    "examples/README.md": "examples/README.md",
    "examples/shop/README.md": "examples/shop.md",
}
"""Files outside docs/, and their places in the site."""
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of each folder that the menu names into the menu: the README first, then by title."""
    config.nav = [_opened(entry) for entry in config.nav or ()]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files beside docs/, and a page for each example."""
    from mkdocs.structure.files import File

    for source, place in BESIDE.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text()))
    for example in _examples():
        text = f"# {example.stem}\n\n```yaml\n{(ROOT / example.with_suffix('.yaml')).read_text()}```\n"
        files.append(File.generated(config, str(example), content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Turn links between files of the repository into links between pages."""
    here = PurePosixPath(page.file.src_uri)
    source = next((PurePosixPath(source) for source, place in BESIDE.items() if place == str(here)), "docs" / here)
    return _LINK.sub(lambda link: f"]({linked(source, here, link[1])}{link[2] or ''})", markdown)


def linked(source: PurePosixPath, page: PurePosixPath, target: str) -> str:
    """What a link to `target` in the file `source` of the repository is on the `page` of the site."""
    there = _normal(source.parent / target)
    place = _place(there)
    return target if place is None else _relative(page.parent, PurePosixPath(place))


def _place(file: PurePosixPath) -> str | None:
    """Where in the site a file of the repository is; None where it is not in it."""
    if str(file) in BESIDE:
        return BESIDE[str(file)]
    if file.is_relative_to("examples") and file.suffix == ".yaml":
        return str(file.with_suffix(".md"))
    return str(file.relative_to("docs")) if file.is_relative_to("docs") else None


def _normal(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts[-1:] = []
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def _relative(start: PurePosixPath, place: PurePosixPath) -> str:
    shared = 0
    for one, other in zip(start.parts, place.parts[:-1], strict=False):
        if one != other:
            break
        shared += 1
    return "/".join((*(("..",) * (len(start.parts) - shared)), *place.parts[shared:]))


def _opened(entry: object) -> object:
    """A menu entry; one that names a folder becomes a section with the folder's pages."""
    if not isinstance(entry, dict):
        return entry
    [(title, what)] = entry.items()
    if not isinstance(what, str) or what.endswith(".md"):
        return entry
    own = {f"{what}/{path.name}" for path in (ROOT / "docs" / what).glob("*.md")}
    pages = own | {place for place in BESIDE.values() if place.startswith(f"{what}/")}
    if what == "examples":
        pages |= set(map(str, _examples()))
    return {title: sorted(pages, key=lambda page: (not page.endswith("README.md"), page))}


def _examples() -> list[PurePosixPath]:
    """The pages of the examples, at the places that their files have with another ending."""
    found = (PurePosixPath(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*.yaml"))
    return sorted(path.with_suffix(".md") for path in found)
