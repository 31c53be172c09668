"""How long `run support_bot` takes to be ready, what it then weighs, and what it does when nobody writes.

Limits: ready in 4 s, 350 MB for the bot's own process, idle below 1 % of a core, `--help` in 0.4 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from tests.support.process import Process

STARTS = 5
IDLE_SECONDS = 20.0


def help_seconds() -> float:
    """The median time of `--help`."""
    times = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "framework", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    ready, stops = [], []
    with tempfile.TemporaryDirectory() as data:
        environment = {"FRAMEWORK_DATA": data, "STREAM_API_KEY": "", "OPENAI_API_KEY": "", "COLUMNS": "200"}
        for start in range(STARTS + 1):
            process = Process.start(["run", "support_bot"], ready="ready", environment=environment)
            if start == 0:
                # The first start builds the index of the articles.
                print(f"first start               {process.ready_seconds:6.2f} s")
            else:
                ready.append(process.ready_seconds)
            if start == STARTS:
                time.sleep(2)
                before, began = process.cpu_seconds(), time.perf_counter()
                time.sleep(IDLE_SECONDS)
                idle = (process.cpu_seconds() - before) / (time.perf_counter() - began)
                own = process.memory_mb(process.child.pid)
                tree = sum(process.memory_mb(pid) for pid in process.tree())
                print(f"memory, bot / with sandbox{own:6.0f} MB / {tree:.0f} MB   (limit 350 MB)")
                print(f"idle CPU, with sandbox    {idle * 100:6.2f} %    (limit 1 %)")
            stops.append(process.stop())
    print(f"ready, median of {STARTS}        {statistics.median(ready):6.2f} s    (limit 4 s)")
    print(f"stop by Ctrl-C, median    {statistics.median(stops):6.2f} s    (limit 5 s)")
    print(f"--help, median            {help_seconds():6.2f} s    (limit 0.4 s)")


if __name__ == "__main__":
    main()
