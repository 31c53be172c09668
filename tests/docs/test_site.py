"""The site of docs/: it builds without a warning, its menu is complete, and readers fetch nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

FROM_ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["']?(?:https?:)?//[^"'> ]+""")
IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"';]+")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
NAMED = re.compile(r"`((?:framework|tests|scripts|bots|docs|prompts|requirements|deploy)/[\w./-]*)")
MADE_BY_READERS = ("bots/my_bot", "bots/bike_bot")
OUTSIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def menu(entries: list[dict[str, object]]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield from menu(value)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    zensical = Path(sys.executable).with_name("zensical")
    return subprocess.run([zensical, "build", "--strict"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the pages and of what says how they are built."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree("docs", folder / "docs")
    shutil.copy("zensical.toml", folder)
    return folder


def test_every_page_is_in_the_menu_once() -> None:
    named = list(menu(tomllib.loads(Path("zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))
    there = {str(page.relative_to("docs")) for page in Path("docs").rglob("*.md")}
    assert len(named) == len(set(named))
    assert set(named) == there


def test_it_builds_without_a_warning_and_fetches_nothing(project: Path) -> None:
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {file: file.read_text(encoding="utf-8") for file in (project / "site").rglob("*.html")}
    assert len(pages) > len(list((project / "docs").rglob("*.md")))  # and the one for addresses that do not exist
    for file, text in pages.items():
        assert not FROM_ELSEWHERE.findall(text), file
        assert 'class="mermaid"' not in text, f"{file}: the script that draws it would be fetched"
    for file in (project / "site").rglob("*.css"):
        assert not IN_STYLES.findall(file.read_text(encoding="utf-8")), file


@pytest.mark.parametrize("link", ["nowhere.md", "bots.md#nothing-of-the-kind"])
def test_a_link_that_leads_nowhere_fails_the_build(project: Path, link: str, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "broken", ignore=shutil.ignore_patterns("site", ".cache"))
    page = tmp_path / "broken" / "docs" / "scale.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\nSee [there]({link}).\n", encoding="utf-8")
    done = build(tmp_path / "broken")
    assert done.returncode != 0
    assert "does not exist" in done.stdout + done.stderr


@pytest.mark.parametrize("name", OUTSIDE)
def test_links_of_the_pages_outside_of_it_lead_to_files(name: str) -> None:
    targets = [target for target in LINK.findall(Path(name).read_text(encoding="utf-8")) if "://" not in target]
    for target in targets:
        assert Path(target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("page", [*OUTSIDE, *sorted(map(str, Path("docs").rglob("*.md")))])
def test_files_that_a_page_names_are_there(page: str) -> None:
    for name in set(NAMED.findall(Path(page).read_text(encoding="utf-8"))):
        assert Path(name).exists() or name.startswith(MADE_BY_READERS), f"{page} names {name}"
