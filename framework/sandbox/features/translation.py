"""Translation. There is no translator here: an answer is the text itself, marked with the language asked for."""

from __future__ import annotations

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result

DOMAIN = Domain("translation")
LANGUAGES = frozenset(
    {
        "af", "am", "ar", "az", "bg", "bn", "bs", "cs", "da", "de", "el", "en", "es", "es-MX", "et", "fa", "fa-AF",
        "fi", "fr", "fr-CA", "ha", "he", "hi", "hr", "ht", "hu", "id", "it", "ja", "ka", "ko", "lt", "lv", "ms", "nl",
        "no", "pl", "ps", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv", "sw", "ta", "th", "tl", "tr", "uk",
        "ur", "vi", "zh", "zh-TW",
    }
)  # fmt: skip


@DOMAIN.operation("TranslateMessage", "POST", "/messages/{id}/translate")
def translate_message(call: Call) -> Result:
    """Add a marked echo of a message's text to its `i18n`."""
    message = messages.find(call, call.path["id"])
    user = people.acting_user_or_none(call)
    channels.require_read(call, messages.channel_of(call, message), user)
    language = _language(call, "language")
    author = call.store[USERS].get(message.user_id)
    source = author.language if author is not None and author.language in LANGUAGES else "en"
    known = message.i18n or {"language": source, f"{_name(source)}_text": message.text}
    message.i18n = {**known, f"{_name(language)}_text": _echo(message.text, language)}
    message.updated_at = call.now
    call.store[MESSAGES].put(message)
    message_events.publish_change(call, "message.updated", message, user)
    return {"message": message_view(call.sandbox, message, user.id if user else None)}


@DOMAIN.operation("PostTranslate", "POST", "/translate", v2=None)
def translate(call: Call) -> Result:
    """Return a marked echo of a text."""
    language = _language(call, "destination_language")
    text = call.required_text("text", call.body)
    return {"language": language, "translated_text": _echo(text, language)}


def _echo(text: str, language: str) -> str:
    return f"[{language}] {text}" if text else ""


def _name(language: str) -> str:
    return language.replace("-", "_")


def _language(call: Call, name: str) -> str:
    language = call.required_text(name, call.body)
    if language not in LANGUAGES:
        raise invalid(f"{name} {language} is not supported")
    return language


FEATURE = Feature(operations=(DOMAIN,))
