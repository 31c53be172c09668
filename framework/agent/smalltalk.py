"""Greetings and thanks that ask nothing."""

from __future__ import annotations

import re


def _words(text: str) -> list[str]:
    return text.split()


_GREETINGS = frozenset(
    _words("""
    hello hi hey hiya heya yo howdy greetings morning afternoon evening good day
    hallo hej moin servus grüezi gruezi tag guten morgen abend
    bonjour bonsoir salut coucou
    hola buenas buenos buenos días dias tardes noches
    ciao salve buongiorno buonasera olá ola oi bom dia boa tarde noite
    hoi goedemorgen goedemiddag goedenavond dag hei hejsan cześć czesc dzień dobry ahoj
""")
)
_THANKS = frozenset(
    _words("""
    thanks thank you thankyou thx ty cheers danke dankeschön dankeschoen merci gracias grazie obrigado obrigada
    dank bedankt dankjewel tack takk dziękuję dziekuje dzięki děkuji
""")
)
_FILLERS = frozenset(
    _words("""
    there all everyone everybody bot team folks guys again a lot so very much many for your the help great perfect ok
    okay super cool nice awesome zusammen alle schön vielen lieben dir ihnen euch sehr für die ihre deine hilfe schnelle
    beaucoup bien à tous toutes vous le monde pour votre ton aide muchas mil a todos todas por tu su ayuda qué que tal
    mille tutti a per l aiuto muito pela ajuda pelo hartelijk je u wel voor de hulp bardzo that was it works now got
    it that's helpful really appreciated answer quick support
""")
)


def is_greeting(text: str) -> bool:
    """Whether the text greets and says nothing else."""
    return _consists_of(text, _GREETINGS)


def is_thanks(text: str) -> bool:
    """Whether the text thanks and asks nothing."""
    return "?" not in text and _consists_of(text, _THANKS)


def _consists_of(text: str, core: frozenset[str]) -> bool:
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text.casefold().replace("’", "'"))
    if not words or len(words) > 10 or re.search(r"\d", text):
        return False
    return any(word in core for word in words) and all(word in core or word in _FILLERS for word in words)
