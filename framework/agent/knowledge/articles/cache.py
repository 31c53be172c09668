"""Articles that were read before, kept by the hash of their content: reading a PDF takes far longer than looking."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import structlog

from framework.agent.knowledge.articles.article import Article, from_json, to_json

_log = structlog.get_logger(__name__)
VERSION = 3
"""Goes up when articles are read in another way than before; what was kept is then read anew."""

_OTHERS = 3


class ArticleCache:
    """A missing, broken or foreign file is an empty cache; a file that cannot be written is done without."""

    def __init__(self, file: Path | None, known: dict[str, Any]) -> None:
        self._file, self._known = file, known
        self._used: set[str] = set()
        self._new = False

    @classmethod
    def open(cls, folder: Path | None, root: Path) -> ArticleCache:
        """The cache in `folder` for the articles below `root`."""
        if folder is None:
            return cls(None, {})
        file = folder / f"articles-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
        return cls(file, _read(file))

    @staticmethod
    def key(name: str, content: bytes) -> str:
        """What tells an article from all others."""
        return hashlib.sha256(name.encode("utf-8", "surrogatepass") + b"\0" + content).hexdigest()[:32]

    def get(self, key: str, name: str) -> Article | None:
        """The article that was kept; None if there is none."""
        told = self._known.get(key)
        if told is None:
            return None
        self._used.add(key)
        try:
            return from_json(name, told)
        except (KeyError, TypeError, ValueError):
            return None

    def put(self, key: str, article: Article) -> None:
        """Keep an article."""
        self._known[key] = to_json(article)
        self._used.add(key)
        self._new = True

    def save(self) -> None:
        """Write what was used, and the rest as long as it is not much more: another channel's articles may need it."""
        others = self._known.keys() - self._used
        crowded = len(others) > _OTHERS * len(self._used)
        if self._file is None or not (self._new or crowded):
            return
        import orjson

        kept = {key: value for key, value in self._known.items() if key in self._used or not crowded}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name, suffix=".tmp")
            with os.fdopen(handle, "wb") as stream:
                stream.write(orjson.dumps({"version": VERSION, "articles": kept}))
            Path(temporary).replace(self._file)
        except OSError as error:
            _log.warning("knowledge.cache_not_written", file=str(self._file), reason=error.strerror or str(error))


def _read(file: Path) -> dict[str, Any]:
    import orjson

    try:
        told = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("knowledge.cache_unusable", file=str(file), reason=str(error))
        return {}
    known = told.get("articles") if isinstance(told, dict) and told.get("version") == VERSION else None
    return known if isinstance(known, dict) else {}
