"""Writes dist/agents-in-channels.mcpb: a bundle that MCP clients such as Claude Desktop install by a double click.

    python -m scripts.mcpb [--output FILE]

The bundle holds the package and a manifest. The client runs it with `uv`, which installs what the package needs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from framework.version import __version__

ROOT = Path(__file__).parent.parent
PACKED = ("framework", "prompts")
FILES = ("pyproject.toml", "README.md", "LICENSE")
EXTRAS = "mcp,embedded,sandbox"
"""What the server needs: the protocol, the search by meaning, and the sandbox for who has no Stream app."""
LEFT_OUT = {"__pycache__", "node_modules"}
TOOLS = {
    "search_operations": "Find the operation that does what is wanted.",
    "load_operation": "See what an operation takes.",
    "execute_operation": "Execute an operation under the policy.",
    "list_operations": "List the operations.",
}


def manifest() -> dict[str, Any]:
    """The manifest of the bundle."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    run = ["--from", f"${{__dirname}}[{EXTRAS}]", project["name"], "mcp", "--policy", "${user_config.policy}"]
    return {
        "manifest_version": "0.3",
        "name": project["name"],
        "display_name": "Stream Chat operations",
        "version": __version__,
        "description": "Find and execute every operation of a Stream Chat app, under a policy, with an audit log.",
        "author": {"name": project["name"]},
        "license": project["license"],
        "server": {
            "type": "python",
            "entry_point": "framework/__main__.py",
            "mcp_config": {
                "command": "uvx",
                "args": run,
                "env": {
                    "STREAM_API_KEY": "${user_config.api_key}",
                    "STREAM_API_SECRET": "${user_config.api_secret}",
                    "FRAMEWORK_DATA": "${user_config.data}",
                },
            },
        },
        "tools": [{"name": name, "description": text} for name, text in TOOLS.items()],
        "user_config": _asked_for(),
        "compatibility": {"runtimes": {"python": project["requires-python"]}},
    }


def write(output: Path) -> int:
    """Write the bundle and return how many files it holds."""
    output.parent.mkdir(parents=True, exist_ok=True)
    files = [ROOT / name for name in FILES]
    for folder in PACKED:
        files += [file for file in sorted((ROOT / folder).rglob("*")) if file.is_file()]
    files = [file for file in files if LEFT_OUT.isdisjoint(file.parts)]
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("manifest.json", json.dumps(manifest(), indent=2))
        for file in files:
            bundle.write(file, file.relative_to(ROOT).as_posix())
    return len(files) + 1


def _asked_for() -> dict[str, Any]:
    """What the client asks its person for."""
    return {
        "api_key": {
            "type": "string",
            "title": "Stream API key",
            "description": "Leave it empty to try things out on a sandbox.",
            "default": "",
            "required": False,
        },
        "api_secret": {
            "type": "string",
            "title": "Stream API secret",
            "description": "It is used to sign short-lived tokens and shown to nobody.",
            "sensitive": True,
            "default": "",
            "required": False,
        },
        "policy": {
            "type": "string",
            "title": "Policy",
            "description": "read-only, standard (asks before something destroys or administers) or full.",
            "default": "standard",
            "required": False,
        },
        "data": {
            "type": "directory",
            "title": "Data folder",
            "description": "Where the audit log and approvals are kept.",
            "default": "${HOME}/.agents-in-channels",
            "required": False,
        },
    }


def main() -> int:
    """Run the script. Returns its exit code."""
    parser = argparse.ArgumentParser(description="Writes the bundle for MCP clients.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "agents-in-channels.mcpb")
    options = parser.parse_args()
    count = write(options.output)
    print(f"{options.output}: {count} files, {options.output.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
