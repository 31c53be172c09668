"""A framework for AI agents that live in chat channels."""

__version__ = "0.1.0"
