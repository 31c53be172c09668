"""What moderation finds, what it takes for something, and what a text costs: `python -m tests.benchmarks.moderation`.

Time is that of the processor. Beside the search stands one regular expression of all terms.
"""

from __future__ import annotations

import random
import re
import statistics
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from framework.moderation.words import Kind, Term, TermMatcher
from framework.moderation.words.evidence import ordinary_words

TERMS = 10_000
TEXTS = 500
_ROOT = Path(__file__).parents[2]
_WRAPPED = ("hey {} now", "{}", "you are a {}!", "buy ({}) today.", '"{}"', "ok, {}, yes", "I think {}")
_LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7", "z": "2"}
_CYRILLIC = dict(zip("aeopcyxisj", "аеорсухіѕј", strict=True))
_GREEK = dict(zip("aoivktpu", "αοινκτρυ", strict=True))
_SMALL = dict(zip("abcdefghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ", strict=True))

Disguise = Callable[[str, random.Random], str]


def _block(first: int) -> Disguise:
    return lambda word, _: "".join(chr(first + ord(sign) - ord("a")) if "a" <= sign <= "z" else sign for sign in word)


def _table(table: dict[str, str]) -> Disguise:
    return lambda word, draw: "".join(draw.choice(table[sign]) if sign in table else sign for sign in word)


def _between(sign: str) -> Disguise:
    return lambda word, _: sign.join(word)


def _once(sign: str) -> Disguise:
    def disguise(word: str, draw: random.Random) -> str:
        place = draw.randint(1, max(1, len(word) - 1))
        return word[:place] + sign + word[place:]

    return disguise


DISGUISES: dict[str, Disguise] = {
    "capitals": lambda word, _: word.upper(),
    "every other": lambda word, _: "".join(s.upper() if n % 2 else s for n, s in enumerate(word)),
    "full width": _block(0xFF41),
    "bold": _block(0x1D41A),
    "script": _block(0x1D4EA),
    "circled": _block(0x24D0),
    "squared": _block(0x1F170),
    "small capitals": _table(_SMALL),
    "cyrillic": _table(_CYRILLIC),
    "greek": _table(_GREEK),
    "accents": lambda word, draw: "".join(s + draw.choice("\u0301\u0308\u0323") for s in word),
    "zero width": _between("\u200b"),
    "soft hyphens": _between("\u00ad"),
    "entities": lambda word, _: "".join(f"&#{ord(s)};" for s in word),
    "emphasis": lambda word, _: f"**{word[:2]}**{word[2:]}",
    "tags": lambda word, _: f"{word[:2]}<b>{word[2]}</b>{word[3:]}",
    "leet": _table(_LEET),
    "repeated": lambda word, draw: "".join(s * draw.randint(1, 4) for s in word),
    "blanks": _between(" "),
    "dots": _between("."),
    "underscores": _between("_"),
    "pictures": _between("\U0001f525"),
    "one blank": _once(" "),
    "one line break": _once("\n"),
    "one dash": _once(" - "),
}


def _made_up(draw: random.Random, count: int, *, fewest: int = 5) -> list[str]:
    ordinary = ordinary_words()
    found: dict[str, None] = {}
    while len(found) < count:
        signs = (draw.choice("bcdfghklmnprstvz" if n % 2 == 0 else "aeiou") for n in range(draw.randint(fewest, 10)))
        word = "".join(signs)
        if word not in ordinary:
            found[word] = None
    return list(found)


def _clean() -> list[str]:
    """Sentences of the project's own pages and articles."""
    pages = [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"), *_ROOT.glob("bots/**/*.md")]
    lines = (line.strip() for page in sorted(pages) for line in re.split(r"(?<=[.!?])\s+|\n", page.read_text("utf-8")))
    return [line for line in lines if 15 < len(line) < 300 and not line.startswith("|")]


def disguised() -> None:
    """How many disguised words are found, in one disguise and in two."""
    draw = random.Random(7)
    words = _made_up(draw, 60)
    matcher = TermMatcher([Term(word) for word in words])

    def is_found(word: str, *names: str) -> bool:
        text = word
        for name in names:
            text = DISGUISES[name](text, draw)
        text = draw.choice(_WRAPPED).format(text)
        return any(hit.term.text == word for hit in matcher.find(text))

    each = {name: statistics.fmean(is_found(word, name) for word in words) for name in DISGUISES}
    worst = min(each, key=lambda name: each[name])
    print(f"disguised: {statistics.fmean(each.values()):.1%} of 25 disguises; the worst is {worst}: {each[worst]:.1%}")
    plain = [name for name in DISGUISES if name not in {"entities", "tags", "emphasis"}]
    letters = ["capitals", "every other", "leet", "repeated"]
    pairs = [(first, second) for first in letters for second in plain if first != second]
    two = [is_found(draw.choice(words), *draw.choice(pairs)) for _ in range(TEXTS)]
    print(f"two at once: {statistics.fmean(two):.1%} of {TEXTS}")
    touched = sum(bool(matcher.find(text)) for text in _clean()[:2_000])
    print(f"clean sentences with a made-up term: {touched} of {len(_clean()[:2_000])}")


def ordinary() -> None:
    """How often ordinary words as terms are found where they are not."""
    sentences = _clean()
    counted = Counter(word for text in sentences for word in re.findall(r"[a-z]{2,}", text.lower()))
    words = [word for word, _ in counted.most_common() if word in ordinary_words()]
    words += sorted(ordinary_words() - set(words))[:: max(1, len(ordinary_words()) // 4_000)]
    matcher = TermMatcher([Term(word) for word in words[:4_000]])
    wrong: Counter[str] = Counter()
    for text in sentences[:2_000]:
        spoken = set(re.findall(r"[^\W_]+", _without_accents(text.lower())))
        hits = [hit for hit in matcher.find(text) if hit.term.text not in spoken]
        wrong.update({str(hit.how) for hit in hits})
        wrong["any"] += bool(hits)
    print(f"4,000 ordinary words: not there in {wrong['any']} of {len(sentences[:2_000])} sentences ({dict(wrong)})")


def _without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def costs() -> None:
    """Processor time of a text, beside one alternation of the same terms."""
    draw = random.Random(5)
    words = _made_up(draw, TERMS)
    terms = [Term(word) for word in words] + [Term(f"spam{number}.example", Kind.DOMAIN) for number in range(20)]
    began = time.process_time()
    matcher = TermMatcher(terms)
    print(f"{len(terms):,} terms are made ready in {time.process_time() - began:.2f} s")
    alternation = re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b", re.IGNORECASE)
    texts = _clean()[:1_500]
    matcher.find("é <b>x</b>")
    ours, theirs = _times(matcher.find, texts), _times(alternation.findall, texts[:150])
    print(
        f"a message of {statistics.fmean(map(len, texts)):.0f} characters: mean {statistics.fmean(ours) * 1e6:.0f} µs, "
        f"p99 {sorted(ours)[int(len(ours) * 0.99)] * 1e6:.0f} µs"
    )
    print(f"the same with an alternation: mean {statistics.fmean(theirs) * 1e6:.0f} µs")
    long = " ".join(_clean())[:5_000]
    print(f"5,000 characters: {min(_times(matcher.find, [long] * 5)) * 1000:.1f} ms")
    slowest = max(_worst(words), key=lambda one: min(_times(matcher.find, [one[1]] * 3)))
    print(f"worst 20,000 characters, {slowest[0]}: {min(_times(matcher.find, [slowest[1]] * 3)) * 1000:.1f} ms")


def _times(look: Callable[[str], object], texts: list[str]) -> list[float]:
    seconds = []
    for text in texts:
        began = time.thread_time()
        look(text)
        seconds.append(time.thread_time() - began)
    return seconds


def _worst(words: list[str]) -> Iterator[tuple[str, str]]:
    pieces = (
        "a",
        "ab",
        "a b ",
        "!",
        "a\u0301",
        "&",
        "<b ",
        "*a",
        "a@",
        "\U0001f525a",
        "a.",
        "%41",
        " . ",
        "а",
        words[0][:-1] + " ",
    )
    for piece in pieces:
        yield repr(piece), (piece * 20_000)[:20_000]


def main() -> None:
    """Print the figures."""
    disguised()
    ordinary()
    costs()


if __name__ == "__main__":
    main()
