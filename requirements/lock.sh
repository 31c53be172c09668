#!/usr/bin/env bash
# Renews the lock files from pyproject.toml, for every Python and platform that the project promises.
# Run by hand after a change of dependencies: `bash requirements/lock.sh`; `--upgrade` takes newer releases.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=".venv/bin/uv"
[ -x "$uv" ] || uv=uv
lock() { "$uv" pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --generate-hashes --custom-compile-command "bash requirements/lock.sh" "$@"; }
lock pyproject.toml --extra all -o requirements/run.txt "${@}"
lock pyproject.toml --extra webhook --extra admin --extra postgres --extra nats --extra otel -c requirements/run.txt -o requirements/slim.txt "${@}"
lock pyproject.toml --extra all --extra test -c requirements/run.txt -o requirements/test.txt "${@}"
lock --group pyproject.toml:docs -c requirements/test.txt -o requirements/docs.txt "${@}"
lock --no-deps requirements/local.in -o requirements/local.txt "${@}"
lock --no-deps requirements/nats.in -c requirements/test.txt -o requirements/nats.txt "${@}"
lock requirements/uv.in -o requirements/uv.txt "${@}"
lock requirements/audit.in -o requirements/audit.txt "${@}"
python="$(dirname "$uv")/python"
# The page and the lists of what the images hold need the packages that are locked, so that they can be asked for their
# licences.
[ ! -x "$python" ] || { "$python" scripts/licences.py && "$python" -m scripts.sbom; }
