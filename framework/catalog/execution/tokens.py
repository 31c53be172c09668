"""Tells a credential from a user's id, so that one which is passed in the wrong place is kept nowhere."""

from __future__ import annotations

import re

from framework.catalog.execution.broker import HANDLE

LONGEST_ID = 255
_SEGMENTS = 3
_CREDENTIAL = re.compile(
    r"(?i)(?:bearer|basic|token|jwt)[\s:=]|eyJ[a-z0-9_-]{5}|(?:sk|pk|rk|ghp|gho|xox[abp])[-_][a-z0-9]"
)
_PART = re.compile(r"[A-Za-z0-9_=+/-]{16,}")


def is_token(value: str) -> bool:
    """Whether a text looks like a token or key. Neither a user's id nor a handle of ours does."""
    text = value.strip().strip("\"'")
    if text.startswith(HANDLE):
        return False
    if len(text) > LONGEST_ID or _CREDENTIAL.match(text):
        return True
    parts = text.split(".")
    return len(parts) >= _SEGMENTS and sum(bool(_PART.fullmatch(part)) for part in parts) >= _SEGMENTS - 1
