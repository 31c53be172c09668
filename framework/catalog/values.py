"""JSON whose form the service, or a model, decides."""

from __future__ import annotations

from typing import Any

Json = Any
