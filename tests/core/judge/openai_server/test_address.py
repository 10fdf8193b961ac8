import pytest

from core.errors import SettingsError
from core.judge.openai_server.address import authorization, parse_address, without_key


@pytest.mark.parametrize(
    ("url", "chat", "display_name", "local"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/chat/completions", "127.0.0.1:8080", True),
        (" http://localhost/v1/ ", "http://localhost/v1/chat/completions", "localhost", True),
        ("http://[::1]:11434/v1", "http://[::1]:11434/v1/chat/completions", "[::1]:11434", True),
        ("http://192.168.1.5:8000", "http://192.168.1.5:8000/chat/completions", "192.168.1.5:8000", True),
        ("http://gpu.local/v1", "http://gpu.local/v1/chat/completions", "gpu.local", True),
        ("https://API.example.com/v1", "https://API.example.com/v1/chat/completions", "api.example.com", False),
        ("https://127.0.0.1.example.com/v1", "https://127.0.0.1.example.com/v1/chat/completions",
         "127.0.0.1.example.com", False),
        ("https://a.example/gpu-2/v1", "https://a.example/gpu-2/v1/chat/completions", "a.example/gpu-2/v1", False),
        ("https://8.8.8.8/v1", "https://8.8.8.8/v1/chat/completions", "8.8.8.8", False),
    ],
)  # fmt: skip
def test_parse_address(url: str, chat: str, display_name: str, local: bool) -> None:
    address = parse_address(url)
    assert (address.chat, address.display_name, address.local) == (chat, display_name, local)


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8080", "//host/v1", "ftp://host/v1", "file:///etc/passwd", "http://", "http:///v1",
        "http://host:port/v1", "http://host:99999/v1", "http://[::1/v1", "http://ho st/v1", "http://host/v1\nX: y",
        "http://host/v1?key=hunter2", "http://host/v1#hunter2", "https://me:hunter2@host/v1", "https://hunter2@host/v1",
    ],
)  # fmt: skip
def test_invalid_url_is_reported_but_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^judge\.server_url ") as caught:
        parse_address(url)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"


def test_key_is_read_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert authorization() == {}
    monkeypatch.setenv("SAMESKU_JUDGE_KEY", "sk-1")
    assert authorization() == {"Authorization": "Bearer sk-1"}


def test_text_that_quotes_the_key_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert without_key("wrong key sk-12345") == "wrong key sk-12345"
    monkeypatch.setenv("SAMESKU_JUDGE_KEY", "sk-123456789")
    assert without_key("wrong key sk-12***") == ""
    assert without_key("…56789 is wrong") == ""
    assert without_key("the context is too long") == "the context is too long"
