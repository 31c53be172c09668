"""The tool of the chaos harness: every run leaves a line that survives the process."""

import os
import time

from langchain.tools import ToolRuntime, tool

from framework.tools.context import ToolContext


@tool(extras={"writes": True})
def note(entry: str, runtime: ToolRuntime[ToolContext]) -> str:
    """Note something for the customer.

    Args:
        entry: What to note.
    """
    line = f"{runtime.context.key}\t{entry}\t{os.getpid()}\n"
    descriptor = os.open(os.environ["CHAOS_EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.fsync(descriptor)
    os.close(descriptor)
    time.sleep(0.2)  # a while in which the process may be killed: done, and nobody was told
    return f"noted {entry}"
