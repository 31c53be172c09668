"""Settings from the environment: keys, addresses, and the place of data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from framework.env_file import encoding_of, require_readable_lines
from framework.environment import hidden_values
from framework.errors import SettingsError
from framework.secret_sources import from_file, from_keyring
from framework.setting_values import (
    Address,
    AdminAddress,
    ConsoleUrl,
    DatabaseUrl,
    Days,
    Folder,
    HostAndPort,
    Ingress,
    JournalUrl,
    Key,
    ModelServer,
    PlainAddress,
    Text,
    WebPath,
    bare,
    database_url,
)

STREAM_URL = "https://chat.stream-io-api.com"


class Settings(BaseSettings):
    """The settings, read once at start: from variables, and from a `.env` file in the working directory."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    stream_api_key: Text = Field(default=None, description="Key of the Stream app. Without it the sandbox is used.")
    stream_api_secret: Key = Field(
        default=None, description="Secret of the Stream app. It signs tokens and is sent nowhere."
    )
    stream_api_secret_file: Folder | None = Field(
        default=None, description="A file that holds the secret, instead of STREAM_API_SECRET."
    )
    stream_api_secret_keyring: Text = Field(
        default=None,
        description="The service in the system's keyring that keeps the secret; the user there is the key.",
    )
    stream_base_url: PlainAddress = Field(
        default=None, description="Another address than Stream's own, such as a sandbox's."
    )
    openai_api_key: Key = Field(
        default=None,
        description="Key for OpenAI or a compatible server. Without it the embedded model answers.",
    )
    openai_api_key_file: Folder | None = Field(
        default=None, description="A file that holds the key, instead of OPENAI_API_KEY."
    )
    openai_base_url: ModelServer = Field(
        default=None, description="An OpenAI-compatible server. OpenAI's own unless it is given."
    )
    openai_model: Text = Field(
        default=None,
        description="Which model `auto` means when an OpenAI key is set. A default is chosen unless it is given.",
    )
    data: Folder = Field(
        default=Path(".framework"),
        description="The folder where data is kept: turns, indexes of articles, the sandbox, what tools keep.",
        validation_alias=AliasChoices("FRAMEWORK_DATA", "data"),
    )
    environment: Literal["development", "production"] = Field(
        default="development",
        description="`production` starts no sandbox: without the key and the secret of a Stream app, nothing starts.",
        validation_alias=AliasChoices("FRAMEWORK_ENV", "environment"),
    )
    sandbox_host: Text = Field(
        default=None,
        description="The address that the sandbox of `run` listens on. 127.0.0.1 unless it is given.",
        validation_alias=AliasChoices("FRAMEWORK_SANDBOX_HOST", "sandbox_host"),
    )
    sandbox_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="The port that the sandbox of `run` listens on; 0 takes a free one. By default the one it had, "
        "8830 at first, or a free one.",
        validation_alias=AliasChoices("FRAMEWORK_SANDBOX_PORT", "sandbox_port"),
    )
    log_format: str = Field(
        default="auto",
        description="`console`, `json`, or `auto`: console on a terminal, JSON elsewhere.",
        validation_alias=AliasChoices("FRAMEWORK_LOG_FORMAT", "log_format"),
    )
    log_level: str = Field(
        default="info",
        description="debug, info, warning or error.",
        validation_alias=AliasChoices("FRAMEWORK_LOG_LEVEL", "log_level"),
    )
    log_texts: bool = Field(
        default=False,
        description="Whether the log keeps what people ask. Otherwise it names them and their channels alone.",
        validation_alias=AliasChoices("FRAMEWORK_LOG_TEXTS", "log_texts"),
    )
    webhook: HostAndPort = Field(
        default=None,
        description="HOST:PORT where webhooks of the Stream app are received, beside the WebSocket.",
        validation_alias=AliasChoices("FRAMEWORK_WEBHOOK", "webhook"),
    )
    webhook_path: WebPath = Field(
        default="/webhooks/stream",
        description="The path that the Stream app posts to.",
        validation_alias=AliasChoices("FRAMEWORK_WEBHOOK_PATH", "webhook_path"),
    )
    webhook_window: float = Field(
        default=10.0,
        gt=0,
        le=60 * 24 * 30,
        description="Minutes after which an event that comes by a webhook is refused as a replay.",
        validation_alias=AliasChoices("FRAMEWORK_WEBHOOK_WINDOW", "webhook_window"),
    )
    sqs_queue_url: Address = Field(
        default=None,
        description="The Amazon SQS queue that the Stream app puts its events into. Needs the extra `sqs`.",
        validation_alias=AliasChoices("FRAMEWORK_SQS_QUEUE_URL", "sqs_queue_url"),
    )
    ingress: Ingress = Field(
        default=None,
        description="`websocket`, `webhook` (then no WebSocket is opened) or `both`. By default the WebSocket, and a "
        "webhook or a queue if one is set up.",
        validation_alias=AliasChoices("FRAMEWORK_INGRESS", "ingress"),
    )
    database_url: DatabaseUrl = Field(
        default=None,
        description="Where turns are kept until they are done: `postgresql://USER:PASSWORD@HOST/NAME` or "
        "`sqlite:///FILE`. `engine.db` in the data folder unless it is given. Processes that share it are replicas.",
    )
    database_url_file: Folder | None = Field(
        default=None, description="A file that holds the address with its password, instead of DATABASE_URL."
    )
    journal: JournalUrl = Field(
        default=None,
        description="Where turns are kept instead, for more replicas than a database carries: "
        "`nats://HOST:4222,HOST:4222,HOST:4222`, or `tls://` for TLS. What people decide stays in DATABASE_URL.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL", "journal"),
    )
    journal_credentials: Folder | None = Field(
        default=None,
        description="A file with the credentials for NATS, as `nsc` writes it.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL_CREDENTIALS", "journal_credentials"),
    )
    journal_ca: Folder | None = Field(
        default=None,
        description="A file of certificates that a NATS server's must be signed by. The system's unless it is given.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL_CA", "journal_ca"),
    )
    journal_replicas: Literal["1", "3"] | None = Field(
        default=None,
        description="On how many NATS servers turns are kept: 1 or 3. By default 3 if three servers are named.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL_REPLICAS", "journal_replicas"),
    )
    admin: AdminAddress = Field(
        default=None,
        description="HOST:PORT of the address for operators: `/livez`, `/readyz`, `/metrics`. `off`: none. By default "
        "127.0.0.1:8850, or a free port beside it. Nobody but operators may reach it.",
        validation_alias=AliasChoices("FRAMEWORK_ADMIN", "admin"),
    )
    console_url: ConsoleUrl = Field(
        default=None,
        description="The address by which people reach `/console` through a proxy, as in https://console.example.com. "
        "Needed if FRAMEWORK_ADMIN listens beyond this machine.",
        validation_alias=AliasChoices("FRAMEWORK_CONSOLE_URL", "console_url"),
    )
    history: float = Field(
        default=90.0,
        ge=0,
        le=3660,
        description="Days for which a line about each turn is kept, without a word of what people wrote. 0: none is.",
        validation_alias=AliasChoices("FRAMEWORK_HISTORY", "history"),
    )
    drain: float = Field(
        default=4.0,
        gt=0,
        le=3600,
        description="Seconds that running turns have to end in when the bots are stopped.",
        validation_alias=AliasChoices("FRAMEWORK_DRAIN", "drain"),
    )
    slots: int = Field(
        default=1_000,
        gt=0,
        le=100_000,
        description="How many turns run at once in this process; further ones wait.",
        validation_alias=AliasChoices("FRAMEWORK_SLOTS", "slots"),
    )
    keep_text: Days = Field(
        default=0.0,
        ge=0,
        le=366,
        description="How long words are kept in the database, as in `7d` or `12h`: prompt, passages and answer of "
        "each turn, and messages that moderation decided on (`true`: 7 days). Without it none are.",
        validation_alias=AliasChoices("FRAMEWORK_KEEP_TEXT", "keep_text"),
    )
    telemetry_text: bool = Field(
        default=False,
        description="Whether traces by OpenTelemetry hold prompts and answers. By default they hold no words.",
        validation_alias=AliasChoices("FRAMEWORK_TELEMETRY_TEXT", "telemetry_text"),
    )
    tracing: Literal["off", "langsmith"] = Field(
        default="off",
        description="`langsmith` sends prompts and answers to LangSmith. LANGSMITH_TRACING alone has no effect.",
        validation_alias=AliasChoices("FRAMEWORK_TRACING", "tracing"),
    )
    reload: Literal["auto", "signal", "off"] = Field(
        default="auto",
        description="When edited bots are read again: at once and on SIGHUP (`auto`), only on SIGHUP (`signal`), never "
        "(`off`).",
        validation_alias=AliasChoices("FRAMEWORK_RELOAD", "reload"),
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, values: dict[str, object]) -> dict[str, object]:
        """Read `NAME=`, in a shell or a file, as if the line were missing."""
        given = {name: bare(value) for name, value in values.items()}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def has_stream(self) -> bool:
        """Return whether a Stream app is named. Without one, the sandbox is used."""
        return self.stream_api_key is not None

    @property
    def by_websocket(self) -> bool:
        """Return whether events come by a WebSocket of each bot."""
        return self.ingress != "webhook"

    @property
    def by_webhook(self) -> bool:
        """Return whether events of the whole app come by a webhook, a queue, or both."""
        return self.ingress != "websocket" and (self.webhook is not None or self.sqs_queue_url is not None)

    @property
    def database(self) -> SecretStr:
        """Return the address of the database of turns."""
        return self.database_url or SecretStr(f"sqlite:///{(self.data / 'engine.db').resolve()}")

    @property
    def base_url(self) -> str:
        """Return the address of Stream, without a trailing slash."""
        return (self.stream_base_url or STREAM_URL).rstrip("/")


def load_settings() -> Settings:
    """Read the settings.

    Raises SettingsError for a value of the wrong form, for a key without its secret or a secret without its key, and if
    events are to come by webhooks without an address or a queue.
    """
    named = {name.lower().removeprefix("framework_"): value for name, value in hidden_values().items()}
    hidden = {name: value for name, value in named.items() if name in Settings.model_fields}
    encoding = encoding_of(Path(".env"))
    require_readable_lines(Path(".env"), encoding)
    try:
        # Values are texts, as the environment has them.
        settings = Settings(_env_file_encoding=encoding, **hidden)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        # The input is left out on purpose: it may be a secret.
        raise SettingsError(
            f"{name}: {first['msg'].removeprefix('Value error, ')}.",
            where="environment",
            hint="Correct it or unset it.",
        ) from None
    settings = _with_secrets(settings)
    if settings.ingress in {"webhook", "both"} and not settings.by_webhook:
        raise SettingsError(
            f"FRAMEWORK_INGRESS is {settings.ingress}, but no webhook and no queue is set up.",
            where="environment",
            hint="Set FRAMEWORK_WEBHOOK to HOST:PORT, or FRAMEWORK_SQS_QUEUE_URL.",
        )
    if (settings.stream_api_key is None) != (settings.stream_api_secret is None):
        missing = "STREAM_API_SECRET" if settings.stream_api_secret is None else "STREAM_API_KEY"
        raise SettingsError(
            f"{missing} is not set, but its other half is.",
            where="environment",
            hint=f"Set {missing} too (both are on your Stream dashboard), or unset both to use the sandbox.",
        )
    return settings


def require_stream_in_production(settings: Settings) -> None:
    """Raise SettingsError in production if no Stream app is named: a sandbox that nobody reaches must not stand in."""
    if settings.environment != "production" or settings.has_stream:
        return
    missing = ["STREAM_API_KEY"]
    if not (settings.stream_api_secret or settings.stream_api_secret_file or settings.stream_api_secret_keyring):
        missing.append("STREAM_API_SECRET (or STREAM_API_SECRET_FILE)")
    raise SettingsError(
        f"FRAMEWORK_ENV is production, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
        where="environment",
        hint="Set what is missing; your Stream dashboard has it. With FRAMEWORK_ENV=development a sandbox serves.",
    )


def _with_secrets(settings: Settings) -> Settings:
    """Fetch the secrets from the files or the keyring that the settings name."""
    found: dict[str, SecretStr | None] = {}
    if settings.database_url is None and settings.database_url_file is not None:
        found["database_url"] = _database_from(settings.database_url_file)
    if settings.openai_api_key is None and settings.openai_api_key_file is not None:
        found["openai_api_key"] = from_file(settings.openai_api_key_file, "OPENAI_API_KEY_FILE")
    if settings.stream_api_secret is None and settings.stream_api_key is not None:
        found["stream_api_secret"] = _secret_of(settings, settings.stream_api_key)
    return settings.model_copy(update=found)


def _secret_of(settings: Settings, key: str) -> SecretStr | None:
    if settings.stream_api_secret_file is not None:
        return from_file(settings.stream_api_secret_file, "STREAM_API_SECRET_FILE")
    service = settings.stream_api_secret_keyring
    return None if service is None else from_keyring(service, key)


def _database_from(file: Path) -> SecretStr | None:
    try:
        return database_url(from_file(file, "DATABASE_URL_FILE"))
    except ValueError as error:
        raise SettingsError(f"What the file holds {error}.", where=str(file), hint="Correct it.") from None
