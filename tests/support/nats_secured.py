"""A NATS server that wants TLS and a user's token, with certificates and keys that were made for it."""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from tests.support.nats import free_port, healthy, program
from tests.support.waiting import PATIENCE

_KINDS = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
_SEED = 18 << 3


@dataclass(frozen=True)
class Secured:
    """Where it listens, and the files that a client needs."""

    url: str
    ca: Path
    credentials: Path


class _Key:
    """A key of NATS: its public name, its seed, and what it signs."""

    def __init__(self, kind: str) -> None:
        self._kind = _KINDS[kind]
        self._key = Ed25519PrivateKey.generate()

    @property
    def public(self) -> str:
        raw = self._key.public_key().public_bytes_raw()
        return _checked(bytes([self._kind]) + raw)

    @property
    def seed(self) -> str:
        raw = self._key.private_bytes_raw()
        return _checked(bytes([_SEED | (self._kind >> 5), (self._kind & 31) << 3]) + raw)

    def token(self, subject: str, kind: str, facts: dict[str, Any]) -> str:
        """A token about a subject that this key signs."""
        claims = {"jti": "test", "iat": 1_700_000_000, "iss": self.public, "name": kind, "sub": subject}
        claims["nats"] = {**facts, "type": kind, "version": 2}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, claims]
        signed = b".".join(_plain(json.dumps(part).encode()) for part in parts)
        return (signed + b"." + _plain(self._key.sign(signed))).decode()


@contextmanager
def secured_nats(home: Path) -> Iterator[Secured]:
    """Run one while the block runs."""
    home.mkdir(parents=True, exist_ok=True)
    ca = _certificates(home)
    operator, system, account, user = _Key("operator"), _Key("account"), _Key("account"), _Key("user")
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    stored = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    limits = {**unlimited, **stored, "wildcards": True}
    tenant = operator.token(account.public, "account", {"limits": limits})
    own = operator.token(system.public, "account", {"limits": {**unlimited, "wildcards": True}})
    token = account.token(user.public, "user", {"subs": -1, "data": -1, "payload": -1})
    credentials = home / "user.creds"
    credentials.write_text(
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    port, monitoring = free_port(), free_port()
    (home / "server.conf").write_text(f"""
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitoring}"
tls {{ cert_file: "{home / "server.pem"}", key_file: "{home / "server.key"}" }}
jetstream {{ store_dir: "{home / "data"}", sync_interval: always }}
operator: {operator.token(operator.public, "operator", {})}
resolver: MEMORY
system_account: {system.public}
resolver_preload: {{ {account.public}: {tenant}, {system.public}: {own} }}
""")
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen([program(), "-c", home / "server.conf"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while not healthy(f"http://127.0.0.1:{monitoring}/healthz"):
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError((home / "server.log").read_text())
            time.sleep(0.02)
        yield Secured(f"tls://127.0.0.1:{port}", ca, credentials)
    finally:
        server.kill()
        server.wait()


def _certificates(home: Path) -> Path:
    """A certificate for 127.0.0.1, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (home / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (home / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return home / "server.pem"


def _checked(raw: bytes) -> str:
    """Bytes with their checksum, as NATS writes keys."""
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _plain(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
