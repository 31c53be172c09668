"""A framework for AI agents that live in chat channels.

What a program needs stands here: `from framework import App, Bot`. docs/python.md shows each part at work. A name is
imported from its room at its first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from framework.version import __version__ as __version__

if TYPE_CHECKING:
    from framework.agent.conversation import (
        Agent,
        AgentEvent,
        Answer,
        ApprovalRequested,
        Caller,
        Conversation,
        Finished,
        HandoverRequested,
        Reference,
        Source,
        TextDelta,
        ToolFinished,
        ToolStarted,
        Utterance,
    )
    from framework.agent.knowledge.retriever import Retriever
    from framework.app.app import App
    from framework.app.serving import Ready
    from framework.definition.model import Bot, BotDefinition
    from framework.errors import (
        ChatServiceError,
        DefinitionError,
        EngineError,
        FrameworkError,
        ModelError,
        SettingsError,
        ToolError,
        UsageError,
    )
    from framework.runtime.core.channel_view import ChannelView
    from framework.runtime.core.rule import Decision, HandOver, Observer, Rule, Say, Skip
    from framework.runtime.core.turn import Turn
    from framework.runtime.one_shot import ChannelReply
    from framework.settings import Settings, load_settings
    from framework.stream.model import ChannelRef, Message, User
    from framework.stream.port import ChatService
    from framework.tools.context import ToolContext

__all__ = [
    "Agent",
    "AgentEvent",
    "Answer",
    "App",
    "ApprovalRequested",
    "Bot",
    "BotDefinition",
    "Caller",
    "ChannelRef",
    "ChannelReply",
    "ChannelView",
    "ChatService",
    "ChatServiceError",
    "Conversation",
    "Decision",
    "DefinitionError",
    "EngineError",
    "Finished",
    "FrameworkError",
    "HandOver",
    "HandoverRequested",
    "Message",
    "ModelError",
    "Observer",
    "Ready",
    "Reference",
    "Retriever",
    "Rule",
    "Say",
    "Settings",
    "SettingsError",
    "Skip",
    "Source",
    "TextDelta",
    "ToolContext",
    "ToolError",
    "ToolFinished",
    "ToolStarted",
    "Turn",
    "UsageError",
    "User",
    "Utterance",
    "__version__",
    "load_settings",
]

if not TYPE_CHECKING:  # A type checker would take any name for one that is here.
    _ROOMS = {
        "agent.conversation": "Agent AgentEvent Answer ApprovalRequested Caller Conversation Finished "
        "HandoverRequested Reference Source TextDelta ToolFinished ToolStarted Utterance",
        "agent.knowledge.retriever": "Retriever",
        "app.app": "App",
        "app.serving": "Ready",
        "definition.model": "Bot BotDefinition",
        "errors": "ChatServiceError DefinitionError EngineError FrameworkError ModelError SettingsError ToolError "
        "UsageError",
        "runtime.core.channel_view": "ChannelView",
        "runtime.core.rule": "Decision HandOver Observer Rule Say Skip",
        "runtime.core.turn": "Turn",
        "runtime.one_shot": "ChannelReply",
        "settings": "Settings load_settings",
        "stream.model": "ChannelRef Message User",
        "stream.port": "ChatService",
        "tools.context": "ToolContext",
    }
    _ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names.split()}

    def __getattr__(name: str) -> object:
        """Import a name of the public face when it is first asked for."""
        if name not in _ROOM_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
        return value

    def __dir__() -> list[str]:
        """The public names, for editors and people who look around."""
        return sorted({*globals(), *__all__})
