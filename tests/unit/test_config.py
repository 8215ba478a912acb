"""The configuration: defaults, problems, the example file, and what a reload may change."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wacrmd import config
from wacrmd.config import Bind, BindKind, Config
from wacrmd.config.sections import LogConfig
from wacrmd.domain.log_level import LogLevel
from wacrmd.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
KEYS = [f"{name}.{key}" for name, section in config.SECTIONS.items() for key in section.model_fields]


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "x.toml")
    return caught.value.problems


def test_the_example_is_made_from_the_models() -> None:
    assert EXAMPLE.read_text() == config.example()


def test_the_example_holds_every_key_with_its_default() -> None:
    assert config.parse(EXAMPLE.read_text(), str(EXAMPLE)) == Config()
    section, keys = "", []
    lines = EXAMPLE.read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("["):
            section = line.strip("[]")
            assert before.startswith("# "), f"{line} has no comment"
        elif " = " in line and not line.startswith("#"):
            keys.append(f"{section}.{line.partition(' = ')[0]}")
            assert before.startswith("# "), f"{line} has no comment"
    assert keys == KEYS


def test_the_defaults_are_the_documented_ones() -> None:
    documented = """
        [storage]
        path = "/var/lib/wacrmd/wacrmd.db"
        [api]
        bind = "127.0.0.1:8080"
        [webhooks]
        bind = "127.0.0.1:8081"
        path = "/webhooks/meta"
        [admin]
        socket = "/run/wacrmd/admin.sock"
        [meta]
        graph_url = "https://graph.facebook.com"
        api_version = "v25.0"
        [sender]
        workers = 4
        max_in_flight = 256
        messages_per_second = 80
        [limits]
        requests_per_minute = 120
        max_recipients = 1000
        [log]
        level = "info"
        format = "auto"
    """
    assert config.parse(documented, "documented") == Config() == config.parse("", "empty")


def test_all_problems_are_reported_at_once_each_with_its_place() -> None:
    text = """
        foo = 3
        [storage]
        pth = "/secret-looking-value"
        path = ""
        [api]
        max_body_bytes = "5"
        [snder]
        [sender]
        workers = 0
        messages_per_second = true
        on_uncertain = "x"
        max_retries = 1.5
        [limits]
        max_recipients = {}
        [optout]
        stop_keywords = ["STOP", "", " "]
        [log]
        level = 2026-01-01
        mask_phone_numbers = 1
    """
    assert problems(text) == [
        "x.toml: foo: expected a section before the first key, found a key outside of one",
        "x.toml: [snder]: expected a section of wacrmd, found an unknown one; did you mean [sender]?",
        'x.toml: [storage] path: expected the path of a file, found ""',
        "x.toml: [storage] pth: expected a key of this section, found an unknown one; did you mean path?",
        'x.toml: [api] max_body_bytes: expected a whole number from 1024 to 104857600, found "5"',
        "x.toml: [sender] workers: expected a whole number from 1 to 64, found 0",
        "x.toml: [sender] messages_per_second: expected a number above 0 and up to 1000, found true",
        'x.toml: [sender] on_uncertain: expected "hold", "resend" or "fail", found "x"',
        "x.toml: [sender] max_retries: expected a whole number from 0 to 50, found 1.5",
        "x.toml: [limits] max_recipients: expected a whole number from 1 to 100000, found a table",
        'x.toml: [optout] stop_keywords: expected a list of words such as ["STOP"], found ["STOP", "", " "]',
        'x.toml: [log] level: expected "debug", "info", "warning" or "error", found 2026-01-01',
        "x.toml: [log] mask_phone_numbers: expected true or false, found 1",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api = 3", "x.toml: [api]: expected a section, found 3"),
        (
            "workers = 3",
            (
                "x.toml: workers: expected a section before the first key, found a key outside of one; "
                "did you mean [sender] workers or [outbound_webhooks] workers?"
            ),
        ),
        (
            "[meta]\nworkers = 3",
            (
                "x.toml: [meta] workers: expected a key of this section, found an unknown one; "
                "did you mean [sender] workers or [outbound_webhooks] workers?"
            ),
        ),
        ("[api]\nbind = ", "x.toml: expected TOML, found: Invalid value (at end of document)"),
        (f"a = {'9' * 5000}", "x.toml: expected TOML, found: a number with more digits than can be read"),
        (f"a = {'[' * 5000}", "x.toml: expected TOML, found: values that are nested too deeply"),
        (
            f"[sender]\nworkers = 0x{'F' * 5000}",
            "x.toml: [sender] workers: expected a whole number from 1 to 64, found a value that is too long to be shown",
        ),
        (
            '[api]\nbind = "127.0.0.1:8081"',
            (
                "x.toml: [webhooks] bind: expected an address of its own, "
                "found that of [api] bind: 127.0.0.1:8081"
            ),
        ),
        (
            '[api]\nbind = "unix:/run/wacrmd/admin.sock"',
            (
                "x.toml: [admin] socket: expected an address of its own, "
                "found that of [api] bind: /run/wacrmd/admin.sock"
            ),
        ),
        (
            '[outbound_webhooks]\nallow_private = ["10.0.0.1/8"]',
            (
                "x.toml: [outbound_webhooks] allow_private: expected a list of host names and networks such as "
                '["crm.lan", "10.0.0.0/8"] (10.0.0.1/8 has host bits set), found ["10.0.0.1/8"]'
            ),
        ),
        (
            '[api]\nallowed_origins = ["*"]',
            (
                "x.toml: [api] allowed_origins: expected a list of origins such as "
                '["https://crm.example.com"], never "*" or "null", found ["*"]'
            ),
        ),
        (
            '[backup]\nat = "24:00"',
            'x.toml: [backup] at: expected a time of day such as "03:30", found "24:00"',
        ),
        (
            '[meta]\napi_version = "25"',
            'x.toml: [meta] api_version: expected a version such as "v25.0", found "25"',
        ),
        *(
            (
                f'[meta]\ngraph_url = "{url}"',
                (
                    "x.toml: [meta] graph_url: expected a URL such as https://graph.facebook.com, without user, query,"
                    f' fragment or version (the version stands in api_version: take /v23.0 away here), found "{url}"'
                ),
            )
            for url in (
                "https://graph.facebook.com/v23.0",
                "https://graph.facebook.com/v23.0/",
                "https://proxy.lan/meta/v23.0",
                "https://graph.facebook.com/v23.0/106540352242922",
            )
        ),
        *(
            (
                f'[meta]\ngraph_url = "https://graph.facebook.com{path}"',
                (
                    "x.toml: [meta] graph_url: expected a URL such as https://graph.facebook.com, without user, query,"
                    f" fragment or version (the version stands in api_version: take {found} away here), found"
                    f' "https://graph.facebook.com{path}"'
                ),
            )
            for path, found in (
                ("/v25", "/v25"),
                ("/V25/", "/V25"),
                ("/25.0", "/25.0"),
                ("/%7625.0", "/v25.0"),
            )
        ),
        (
            '[webhooks]\npath = "hook?x=1"',
            'x.toml: [webhooks] path: expected a path such as /webhooks/meta, found "hook?x=1"',
        ),
        (
            '[admin]\nsocket_mode = "0999"',
            'x.toml: [admin] socket_mode: expected an octal mode such as "0660", found "0999"',
        ),
        (
            '[storage]\npath = ":memory:"',
            'x.toml: [storage] path: expected the path of a file, found ":memory:"',
        ),
    ],
)
def test_a_problem_says_what_was_expected_and_what_was_found(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_a_value_that_may_be_a_secret_is_not_repeated() -> None:
    text = "\n".join(
        problems('[meta]\naccess_token = "EAAsecretsecret"\ngraph_url = "https://me:hunter2@host"')
    )
    assert "EAAsecret" not in text
    assert "hunter2" not in text
    assert "[meta] access_token" in text


def test_a_long_value_is_cut() -> None:
    (problem,) = problems(f'[log]\nlevel = "{"x" * 5000}"')
    assert len(problem) < 200


def test_the_ports_chosen_by_the_system_do_not_clash() -> None:
    text = '[api]\nbind = "127.0.0.1:0"\n[webhooks]\nbind = "127.0.0.1:0"'
    assert config.parse(text, "x").api.bind.port == 0


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:8080", Bind(BindKind.TCP, host="127.0.0.1", port=8080)),
        ("[::1]:0", Bind(BindKind.TCP, host="::1", port=0)),
        ("crm.lan:65535", Bind(BindKind.TCP, host="crm.lan", port=65535)),
        ("unix:/run/wacrmd/api.sock", Bind(BindKind.UNIX, path=Path("/run/wacrmd/api.sock"))),
        ("fd://3", Bind(BindKind.FD, fd=3)),
    ],
)
def test_an_address_reads_back_as_it_is_written(text: str, bind: Bind) -> None:
    assert Bind.parse(text) == bind
    assert str(bind) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:\uff180",
        "http://127.0.0.1:80",
        "::1:8080",
        "[::g]:1",
        "[1.2.3.4]:1",
        "unix:relative",
        "unix:/" + "x" * 107,
        "unix:/a\0b",
        "fd://",
        "fd://-1",
        "127.0.0.1:80\n",
    ],
)
def test_other_text_is_rejected_as_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Bind.parse(text)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/x", True),
        ("fd://3", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("crm.lan:1", False),
    ],
)
def test_addresses_that_other_machines_can_reach(text: str, local: bool) -> None:
    assert Bind.parse(text).is_local is local


def test_effective_shows_every_key_and_reads_back_equal() -> None:
    given_text = """
        [storage]
        path = "/tmp/a \\"quoted\\" naïve.db"
        [api]
        bind = "[::1]:9"
        [sender]
        messages_per_second = 12.5
        [outbound_webhooks]
        allow_private = ["CRM.lan", "fd00::/8", "192.168.1.7"]
        [metrics]
        enabled = false
    """
    read = config.parse(given_text, "x")
    assert read.outbound_webhooks.allow_private == ("crm.lan", "fd00::/8", "192.168.1.7/32")
    shown = config.effective(read)
    assert config.parse(shown, "effective") == read
    assert shown.count(" = ") == len(KEYS)


@pytest.mark.parametrize(
    ("given_origin", "origin"),
    [
        ("https://crm.example", "https://crm.example"),
        ("HTTPS://CRM.example:443/", "https://crm.example"),
        ("http://crm.example:80", "http://crm.example"),
        ("http://crm.example:443", "http://crm.example:443"),
        ("http://localhost:05173", "http://localhost:5173"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://192.0.2.7", "http://192.0.2.7"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("tauri://localhost", "tauri://localhost"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(given_origin: str, origin: str) -> None:
    read = config.parse(f'[api]\nallowed_origins = ["{given_origin}"]', "x")
    assert read.api.allowed_origins == (origin,)


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            "*",
            "null",
            "",
            "crm.example",
            "https://",
            "https://*.example",
            "file:///",
            "https://a.example/app",
        ),
        *("https://a.example:0", "https://a.example:65536", "https://a.example:", "https://user@a.example"),
        *("https://a.example?x", "https://a.example, https://b.example", "https://münchen.example"),
    ],
)
def test_what_is_no_origin_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"\[api\] allowed_origins: expected a list of origins"):
        config.parse(f'[api]\nallowed_origins = ["{wrong}"]', "x")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_being_written_as_toml(text: str) -> None:
    read = Config().model_copy(update={"backup": Config().backup.model_copy(update={"directory": text})})
    assert config.parse(config.effective(read), "x").backup.directory == text


def test_the_configuration_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        Config().log.level = LogLevel.DEBUG  # type: ignore[misc]


def test_the_file_is_searched_in_the_documented_order() -> None:
    assert config.config_path(Path("a"), {"WACRMD_CONFIG": "b"}) == Path("a")
    assert config.config_path(None, {"WACRMD_CONFIG": "b"}) == Path("b")
    assert config.config_path(None, {"WACRMD_CONFIG": ""}) == Path("/etc/wacrmd/config.toml")


def test_only_the_default_file_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "none.toml"
    for option, environ in ((missing, {}), (None, {"WACRMD_CONFIG": str(missing)})):
        with pytest.raises(ConfigError, match=r"none\.toml: expected a configuration file, found none"):
            config.load(option, environ)
    monkeypatch.setattr("wacrmd.config.file.DEFAULT_PATH", missing)
    assert config.load(None, {}) == Config()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[log]\nlevel = "debug"\n')
    assert config.load(path).log == LogConfig(level=LogLevel.DEBUG)
    path.write_bytes(b'[log]\nlevel = "\xff"\n')
    with pytest.raises(ConfigError, match="expected UTF-8 text, found other bytes at offset 15"):
        config.load(path)
    with pytest.raises(ConfigError, match="expected a readable file, found: Is a directory"):
        config.load(tmp_path)


def test_the_path_of_the_key_file(tmp_path: Path) -> None:
    default = config.parse('[storage]\npath = "/data/w.db"', "x")
    assert config.key_file(default, {}) == Path("/data/w.db.key")
    assert config.key_file(default, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Path("/data/w.db.key")
    (tmp_path / "wacrmd.key").touch()
    assert config.key_file(default, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == tmp_path / "wacrmd.key"
    named = config.parse('[storage]\nkey_file = "/k"', "x")
    assert config.key_file(named, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Path("/k")


def test_a_reload_changes_what_it_can_and_lists_the_rest() -> None:
    wanted = config.parse(
        '[api]\nbind = "127.0.0.1:9"\n[log]\nlevel = "debug"\nformat = "json"\n[limits]\nmax_recipients = 5',
        "x",
    )
    merged, applied, waiting = config.reload(Config(), wanted)
    assert applied == ["limits.max_recipients", "log.level"]
    assert waiting == ["api.bind", "log.format"]
    assert merged.limits.max_recipients == 5
    assert merged.log == LogConfig(level=LogLevel.DEBUG)
    assert merged.api == Config().api
    assert config.reload(merged, merged) == (merged, [], [])


def test_reloadable_keys_are_keys() -> None:
    assert set(KEYS) > config.RELOADABLE
    assert "log.level" in config.RELOADABLE
    assert "storage.path" not in config.RELOADABLE


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[api]\nbind = "0.0.0.0:8080"', "[api] bind"),
        ('[webhooks]\nbind = "[::]:8080"', "[webhooks] bind"),
        ('[dashboard]\nbind = "0.0.0.0:8082"', "[dashboard] bind"),
        ('[dashboard]\npublic_url = "http://wacrmd.lan"', "[dashboard] public_url"),
        ('[meta]\ngraph_url = "http://proxy.lan"', "[meta] graph_url"),
        ('[sender]\non_uncertain = "resend"', "[sender] on_uncertain"),
        ('[outbound_webhooks]\nallow_private = ["0.0.0.0/0"]', "[outbound_webhooks] allow_private"),
        ('[log]\nlevel = "debug"', "[log] level"),
        ("[log]\nmask_phone_numbers = false", "[log] mask_phone_numbers"),
        ("[optout]\nstop_keywords = []", "[optout] stop_keywords"),
    ],
)
def test_settings_that_may_be_mistakes_have_a_warning(text: str, place: str) -> None:
    (warning,) = config.warnings(config.parse(text, "x"))
    assert warning.startswith(f"{place}: ")


def test_a_safe_configuration_has_no_warnings() -> None:
    text = '[meta]\ngraph_url = "http://127.0.0.1:9/"\n[api]\nbind = "unix:/run/wacrmd/api.sock"'
    read = config.parse(text, "x")
    assert config.warnings(read) == []
    assert read.meta.graph_url == "http://127.0.0.1:9"
