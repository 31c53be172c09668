"""Reports of conversation tests: JUnit XML for CI, and a page for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from framework.errors import UsageError
from framework.private_files import readable_by_others
from framework.testing.outcome import Line, TestResult

_TEMPLATE = "report.html.j2"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML cannot carry them


def junit(results: Sequence[TestResult], bot: str) -> str:
    """JUnit XML, one suite for the bot."""
    suite = ET.Element("testsuite", name=bot, tests=str(len(results)), time=f"{sum(r.seconds for r in results):.3f}")
    for verdict, attribute in (("failed", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(result.verdict == verdict for result in results)))
    for result in results:
        file = str(result.test.file)
        case = ET.SubElement(
            suite, "testcase", classname=bot, name=_clean(result.test.name), file=file, time=f"{result.seconds:.3f}"
        )
        if result.verdict == "skipped":
            ET.SubElement(case, "skipped", message=_clean(result.reason))
        elif result.verdict == "error":
            ET.SubElement(case, "error", message=_clean(result.reason))
        for failure in result.failures:
            found = ET.SubElement(case, "failure", message=_clean(failure.what))
            found.text = _clean(f"{failure.where}: {failure.what}")
        ET.SubElement(case, "system-out").text = _clean("\n".join(map(transcript_line, result.lines)))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def html(results: Sequence[TestResult], bot: str) -> str:
    """A page with every conversation as people would have seen it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("framework.testing", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["clock"] = clock
    counts = {
        verdict: sum(r.verdict == verdict for r in results) for verdict in ("passed", "failed", "error", "skipped")
    }
    return environment.get_template(_TEMPLATE).render(bot=bot, results=results, counts=counts)


def write(path: Path, text: str) -> None:
    """Write a report. Raises UsageError where that is not possible."""
    try:
        with readable_by_others():  # CI and other users read it
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The report cannot be written: {error.strerror}.", where=str(path)) from None


def transcript_line(line: Line) -> str:
    """A line of what happened, as plain text."""
    details = f"  [{', '.join(line.details)}]" if line.details else ""
    return (
        f"{clock(line.seconds)}  {line.who}: {line.text}{details}"
        if line.who
        else f"{clock(line.seconds)}  {line.text}"
    )


def clock(seconds: float) -> str:
    """Virtual seconds as people read them."""
    return str(timedelta(seconds=round(seconds)))


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)
