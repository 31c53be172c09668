"""The pictures of README and docs: all there, in the light and in the dark, small, and each of them shown."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.pictures import MOST_BYTES, PICTURES

CHECKOUT = Path(__file__).resolve().parents[2]
SHOWN = re.compile(r'(?:!\[[^\]]*\]\(|src(?:set)?=")((?:docs/)?pictures/[\w-]+\.webp)')


def test_every_picture_is_small_and_in_both_schemes() -> None:
    files = sorted(PICTURES.glob("*"))
    names = {file.name.rpartition("-")[0] for file in files}
    assert [file.name for file in files] == sorted(
        f"{name}-{scheme}.webp" for name in names for scheme in ("dark", "light")
    )
    for file in files:
        content = file.read_bytes()
        assert (content[:4], content[8:12]) == (b"RIFF", b"WEBP"), file.name
        assert 5_000 < len(content) < MOST_BYTES, file.name


def test_what_is_shown_is_there() -> None:
    shown = set()
    for page in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")):
        for name in SHOWN.findall(page.read_text(encoding="utf-8")):
            assert (page.parent / name).is_file(), f"{page.name}: {name}"
            shown.add((page.parent / name).name)
    assert {name.rpartition("-")[0] for name in shown} == {file.name.rpartition("-")[0] for file in PICTURES.glob("*")}
