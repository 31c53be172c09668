"""The root of the command line, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import typer

from framework.called import SCRIPT, called_as
from framework.cli import (
    ask,
    campaign,
    chat,
    check,
    console,
    conversations,
    doctor,
    erase,
    explain,
    mcp,
    moderation,
    new,
    ops,
    pause,
    promises,
    push,
    reply,
    report,
    run,
    sandbox,
    schedule,
    schema,
    turns,
)
from framework.cli.usage import WrongWords, told
from framework.environment import hide_secrets
from framework.errors import FrameworkError
from framework.private_files import keep_private
from framework.version import __version__

app = typer.Typer(
    name="python -m framework",
    help="AI agents that live in chat channels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    run, turns, reply, chat, ask, new, check, doctor, explain, conversations, schema, erase, moderation,
    campaign, schedule, promises, push, report, console, pause, ops, mcp, sandbox,
):  # fmt: skip
    module.register(app)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take the options that stand before a command."""


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    from framework.cli.streams import give_up_output, prepare_streams

    keep_private()
    hide_secrets()
    prepare_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            code = app(standalone_mode=False, prog_name=_called())
        finally:
            sys.stdout.flush()  # here, where a full disk or a reader that is gone can still be told
    except FrameworkError as error:
        from framework.cli.screen import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except WrongWords as error:
        _tell_wrong_words(error)
    except typer.Abort:
        sys.exit(1)
    except ModuleNotFoundError as error:
        _tell_missing(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away (`... | head`). Nothing is left to say, and no one to say it to.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        # The machine's refusals that no room knew how to put better: a disk that is full, too many open files.
        from framework.cli.screen import show_error

        show_error(FrameworkError(f"The system refused: {error.strerror or error}.", where=error.filename))
        give_up_output()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _called() -> str:
    """The name by which the program knows itself. Completion is always that of the installed program."""
    return SCRIPT if {"--install-completion", "--show-completion"} & set(sys.argv) else called_as()


def _tell_wrong_words(error: Exception) -> NoReturn:
    from framework.cli.screen import show_error

    wrong = told(error)
    if wrong is not None:
        show_error(wrong)
    sys.exit(2)


def _tell_missing(error: ModuleNotFoundError) -> NoReturn:
    """Say which extra brings a package that is not installed; anything else is a fault of ours, and raised."""
    from framework.cli.screen import show_error
    from framework.extras import explain

    missing = explain(error)
    if missing is None:
        raise error
    show_error(missing)
    sys.exit(missing.exit_code)
