"""A proxy or a file of certificates that cannot be used is told by the name of its variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.agent.models.network import require_usable_network
from framework.errors import ModelError

URL = "http://127.0.0.1:8080/v1"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://user:pass@127.0.0.1:1080", "SOCKS"),
        ("all_proxy", "socks5h://127.0.0.1:1080", "SOCKS"),
        ("HTTPS_PROXY", "ftp://proxy:3128", "not the address of a proxy"),
        ("HTTP_PROXY", "http://proxy:port", "not the address of a proxy"),
        ("SSL_CERT_FILE", "/does/not/exist.pem", "does not exist"),
        ("SSL_CERT_DIR", "/does/not/exist", "does not exist"),
    ],
)
def test_a_fault_is_told_by_its_variable(name: str, value: str, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        require_usable_network({name: value}, URL)
    assert name in caught.value.what
    assert words in caught.value.what
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HTTPS_PROXY": "http://proxy.example:3128", "http_proxy": "proxy:3128"},
        {"ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "localhost,127.0.0.1"},
        {"ALL_PROXY": "", "SSL_CERT_FILE": " "},
    ],
)
def test_what_can_be_used_is_used(environment: dict[str, str]) -> None:
    require_usable_network(environment, URL)


def test_a_file_of_certificates_that_is_there_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("")
    require_usable_network({"SSL_CERT_FILE": str(file)}, URL)
