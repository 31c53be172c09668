"""The services of deploy/compose.yaml, by the file's own commands, variables, volumes, secrets and health checks.

An engine is stood in for by namespaces and chroot. Postgres comes from a package, in place of its image.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import containers
from tests.support.composed import Composed, composed
from tests.support.postgres import unavailable

FILE = Path("deploy/compose.yaml")

pytestmark = pytest.mark.skipif(
    bool(containers.unavailable() or unavailable()), reason=str(containers.unavailable() or unavailable())
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Sandbox, Postgres and bot, each healthy by its own check, in the order of `depends_on`."""
    with composed(FILE, tmp_path_factory.mktemp("compose")) as running:
        running.up("bot-on-sandbox")
        yield running


def test_a_question_gets_its_answer(stack: Composed) -> None:
    assert "three years" in stack.ask("How long is the warranty?")
    tables = stack.sql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
    assert int(tables) > 5, "it keeps its turns in Postgres"


def test_operators_and_webhooks_have_addresses_of_their_own(stack: Composed) -> None:
    for port, path, status in (
        (8850, "/livez", "200"),
        (8850, "/readyz", "200"),
        (8850, "/metrics", "200"),
        (8860, "/healthz", "200"),
        (8860, "/metrics", "404"),
        (8860, "/console", "404"),
        (8860, "/livez", "404"),
    ):
        assert stack.status(f"http://127.0.0.1:{port}{path}") == status, path
    assert stack.status("http://127.0.0.1:8860/webhooks/stream", "-X", "POST", "-d", "{}") in {"401", "403"}


def test_nothing_of_the_program_can_be_written(stack: Composed) -> None:
    bot = stack.container("bot-on-sandbox")
    for place in (
        "/app/framework/x",
        "/app/bots/x",
        "/app/.venv/x",
        "/etc/x",
        "/tmp-x",
        "/sandbox/x",
        "/run/secrets/x",
    ):
        assert "Read-only file system" in bot.execute("touch", place).stderr, place
    assert bot.execute("touch", "/data/x").returncode == 0
    assert bot.execute("id", "-u").stdout.strip() == "10001"
    assert "CapEff:\t0000000000000000" in bot.execute("cat", "/proc/self/status").stdout


def test_doctor_finds_nothing_wrong_and_the_team_signs_in(stack: Composed) -> None:
    bot = stack.container("bot-on-sandbox")
    doctor = bot.execute("python", "-m", "framework", "doctor", "support_bot")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "others on this machine" not in doctor.stdout
    told = bot.execute("python", "-m", "framework", "console", "token", "teammate").stdout
    link = re.search(r"http://127\.0\.0\.1:8850/\S+", told)
    assert link is not None
    assert stack.status(link[0]) in {"200", "303"}
    assert stack.status("http://127.0.0.1:8850/console/conversations") != "200", "without a token nobody gets in"


def test_no_secret_is_in_an_environment_or_in_the_log(stack: Composed) -> None:
    bot = stack.container("bot-on-sandbox")
    assert bot.child is not None
    shown = Path(f"/proc/{bot.child.pid}/environ").read_text() + bot.said()
    for secret in (stack.secrets / "postgres_password", stack.volume("sandbox") / "api_secret"):
        assert secret.read_text().strip() not in shown


def test_a_killed_bot_is_unhealthy_and_answers_when_it_is_back(stack: Composed) -> None:
    bot, service = stack.container("bot-on-sandbox"), stack.service("bot-on-sandbox")
    bot.kill()
    assert stack.status("http://127.0.0.1:8850/livez") == "000"
    asking = stack.asking("Do you ship to Austria?")
    bot.start()
    bot.until_healthy(service.health)
    answer, _ = asking.communicate(timeout=150)
    assert "Austria" in answer


def test_while_the_database_is_away_the_probes_say_so_and_nothing_is_lost(stack: Composed) -> None:
    stack.lose_postgres()
    wait_for(lambda: stack.status("http://127.0.0.1:8850/readyz") == "503")
    assert "database" in stack.read("http://127.0.0.1:8850/readyz")
    assert stack.status("http://127.0.0.1:8850/livez") == "200", "a restart would help nobody"
    asking = stack.asking("How much is a Nook?")
    stack.up("postgres")
    answer, said = asking.communicate(timeout=150)
    assert asking.returncode == 0, answer + said
    wait_for(lambda: stack.status("http://127.0.0.1:8850/readyz") == "200")


def test_while_the_chat_service_is_away_the_probes_say_so(stack: Composed) -> None:
    sandbox = stack.container("sandbox")
    sandbox.kill()
    wait_for(lambda: stack.status("http://127.0.0.1:8850/readyz") == "503")
    assert "connection" in stack.read("http://127.0.0.1:8850/readyz")
    assert stack.status("http://127.0.0.1:8850/livez") == "200"
    sandbox.start()
    sandbox.until_healthy(stack.service("sandbox").health)
    wait_for(lambda: stack.status("http://127.0.0.1:8850/readyz") == "200")
    assert "three years" in stack.ask("How long is the warranty?")


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until it holds, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_stop_ends_within_its_grace(stack: Composed) -> None:
    bot, service = stack.container("bot-on-sandbox"), stack.service("bot-on-sandbox")
    assert bot.stop(service.stop_seconds) == 0
    bot.start()
    bot.until_healthy(service.health)
