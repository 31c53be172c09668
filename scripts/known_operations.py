"""Writes framework/sandbox/dev/known/operations.json: the operations that Stream's SDKs know, by name, method, paths.

Usage: python scripts/known_operations.py GETSTREAM_FOLDER STREAM_CHAT_FOLDER STREAM_CHAT_JS_FOLDER
The folders are those of the installed packages (site-packages/getstream, site-packages/stream_chat,
node_modules/stream-chat). Only names and paths are taken.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

OUT = Path(__file__).parent.parent / "framework" / "sandbox" / "dev" / "known" / "operations.json"
V2_PREFIXES = ("/api/v2/chat", "/api/v2/moderation", "/api/v2")
# v1 paths that only a client's plumbing uses.
PLUMBING = {"/hi", "/connect", "/longpoll"}
# Uploads go through a helper of each SDK that hides the path from the patterns below.
UPLOADS = {
    ("POST", path) for path in ("/channels/{}/{}/file", "/channels/{}/{}/image", "/uploads/file", "/uploads/image")
}


def v2_operations(package: Path) -> list[tuple[str, str, str]]:
    """(id, method, path) of every operation of the generated REST clients."""
    found = []
    for room in ("chat", "common", "moderation"):
        text = (package / room / "async_rest_client.py").read_text()
        for match in re.finditer(r'async def (\w+)\((?:.*?)return await self\.(\w+)\(\s*"([^"]+)"', text, re.DOTALL):
            name = "".join(part.capitalize() for part in match[1].split("_"))
            found.append((name, match[2].upper(), match[3]))
    return found


def shape(path: str) -> str:
    """A path with its parameters unnamed."""
    return re.sub(r"\{[^}]*\}", "{}", "/" + path.strip("/"))


def v1_python(package: Path) -> set[tuple[str, str]]:
    """(method, shape) of the calls of the Python SDK."""
    found = set()
    for source in (package / "async_chat").glob("*.py"):
        text = source.read_text()
        text = text.replace("{self.url}", "channels/{type}/{id}")
        for match in re.finditer(
            r"(?:self|client)\.(get|post|put|patch|delete|send_file)\(\s*f?\"([a-z][^\"]*)\"", text
        ):
            found.add(("POST" if match[1] == "send_file" else match[1].upper(), shape(match[2])))
        if "self.client.post(self.url" in text:
            found |= {(verb, "/channels/{}/{}") for verb in ("POST", "PATCH", "DELETE")}
        found |= {("POST", "/channels/{}/query"), ("POST", "/channels/{}/{}/query")}
    return found


def v1_javascript(package: Path) -> set[tuple[str, str]]:
    """(method, shape) of the calls of the JavaScript client."""
    found = set()
    for source in (package / "src").glob("*.ts"):
        text = (
            source.read_text()
            .replace("this.getClient().baseURL", "this.baseURL")
            .replace("this.client.baseURL", "this.baseURL")
        )
        text = text.replace("this._channelURL()", "`/channels/${t}/${i}`").replace("${`/channels", "/channels")
        verb = r"\.(get|post|put|patch|delete)\b(?:<[^(]*?>)?\(\s*"
        call = verb + r"((?:`[^`]*`|'[^']*'|this\.baseURL|\s|\+|encodeURIComponent\([^)]*\))+)"
        for match in re.finditer(call, text):
            path = re.sub(r"encodeURIComponent\([^)]*\)", "'{}'", match[2])
            path = re.sub(r"\$\{this\.baseURL\}|this\.baseURL|[`'+\s]", "", path)
            path = re.sub(r"\$\{(?:[^{}]|\{[^}]*\})*\}", "{}", path).split("?")[0]
            path = re.sub(r"(?<=[a-z])\{\}$", "", path)
            if path.startswith("/") and "/api/v2" not in path:
                found.add((match[1].upper(), shape(path)))
    return {(method, path) for method, path in found if path not in PLUMBING}


def v1_of(path: str) -> str:
    """The v1 path below the prefix of v2."""
    for prefix in V2_PREFIXES:
        if path.startswith(prefix + "/"):
            inner = path.removeprefix(prefix)
            return f"/moderation{inner}" if prefix.endswith("moderation") else inner
    return path


def name_of(method: str, path: str) -> str:
    """A name for an operation that v2 does not name."""
    words = [word for word in re.split(r"[/_{}-]", path) if word]
    return {"GET": "Get", "POST": "Post", "PUT": "Put", "PATCH": "Patch", "DELETE": "Delete"}[method] + "".join(
        word.capitalize() for word in words
    )


def main() -> None:
    """Write the list."""
    getstream, python, javascript = (Path(argument) for argument in sys.argv[1:4])
    v2 = v2_operations(getstream)
    v1 = v1_python(python) | v1_javascript(javascript) | UPLOADS
    rows, matched = [], set()
    for name, method, path in v2:
        plain = v1_of(path)
        key = (method, shape(plain))
        has_v1 = key in v1
        if has_v1:
            matched.add(key)
        rows.append({"id": name, "method": method, "v1": plain if has_v1 else None, "v2": path})
    for method, path in sorted(v1 - matched):
        template = re.sub(r"\{\}", "{id}", path)
        for number in range(template.count("{id}")):
            template = template.replace("{id}", f"{{p{number + 1}}}", 1)
        rows.append({"id": name_of(method, path), "method": method, "v1": template, "v2": None})
    rows.sort(key=lambda row: (row["v2"] or row["v1"], row["method"]))
    OUT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{len(rows)} operations: v1 {sum(r['v1'] is not None for r in rows)}, v2 {len(v2)}")
    print("v1 only:", [(r["method"], r["v1"]) for r in rows if r["v2"] is None])


if __name__ == "__main__":
    main()
