"""Settings: file < environment < command line, and nothing unknown."""

from pathlib import Path

import pytest

from core.cli.context import Context
from core.errors import SettingsError
from core.settings import Settings, load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "samesku.toml"


def test_without_a_file_the_defaults_hold(file: Path) -> None:
    assert load_settings(file) == Settings()
    assert (Settings().bands.high, Settings().bands.medium, Settings().search.k) == (0.85, 0.75, 10)


def test_the_command_line_beats_the_environment_which_beats_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[retrain]\nepochs = 2\nrank = 8\nalpha = 8\n")
    monkeypatch.setenv("SAMESKU_RETRAIN__EPOCHS", "3")
    monkeypatch.setenv("SAMESKU_RETRAIN__RANK", "4")
    retrain = load_settings(file, {"retrain.epochs": "5"}).retrain
    assert (retrain.epochs, retrain.rank, retrain.alpha) == (5, 4, 8)


@pytest.mark.parametrize("name", ["SAMESKU_HOME", "SAMESKU_DEBUG", "SAMESKU_JOB"])
def test_names_of_the_environment_that_are_no_settings_are_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/somewhere")
    assert load_settings(file) == Settings()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[retrain]\nepochz = 2\n", "retrain.epochz: unknown setting"),
        ("[training]\n", "training: unknown setting"),
        ("[retrain]\nepochs = 'many'\n", "retrain.epochs: Input should be a valid integer"),
        ("[retrain]\nepochs = 0\n", "retrain.epochs: Input should be greater than or equal to 1"),
        ("[retrain]\npromote = 'always'\n", "retrain.promote: Input should be 'better' or 'never'"),
        ("[bands]\nhigh = 0.7\nmedium = 0.7\n", "bands: Value error, bands.medium must be below bands.high"),
        ("[bands]\nhigh = 0.7\n", "bands.medium must be below bands.high"),
        ("[search]\nk = 0\n", "search.k: "),
    ],
)
def test_what_does_not_fit_is_named(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert complaint in caught.value.message
    assert str(file) in caught.value.hint


@pytest.mark.parametrize("content", [b"[retrain\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"samesku\.toml cannot be read"):
        load_settings(file)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [("epochs", "written section.name"), ("retrain.epochs.x", "unknown setting"), ("nothing.here", "unknown setting")],
)
def test_an_override_must_name_a_setting(file: Path, key: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load_settings(file, {key: "1"})


def test_a_section_is_no_value(file: Path) -> None:
    file.write_text("retrain = 1\n")
    with pytest.raises(SettingsError, match="is a section"):
        load_settings(file, {"retrain.epochs": "2"})


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().search.k = 3  # type: ignore[misc]


def test_a_list_is_written_with_commas_where_there_is_no_toml(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMESKU_PEOPLE__LEADS", "lea, bob")
    assert load_settings(file).people.leads == ("lea", "bob")
    assert load_settings(file, {"labels.unique": "walmart"}).labels.unique == ("walmart",)


@pytest.mark.parametrize("text", ["server,cross-encoder", '["server", "cross-encoder"]', ' ["server","cross-encoder"]'])
def test_a_list_in_the_environment_may_be_written_as_in_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE__USE", text)
    assert load_settings(file).judge.use == ("server", "cross-encoder")


def test_a_bad_setting_is_told_with_where_it_is_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hint(**overrides: str) -> str:
        with pytest.raises(SettingsError) as caught:
            load_settings(file, {key.replace("__", "."): value for key, value in overrides.items()})
        return caught.value.hint

    file.write_text("[judge]\nuse = ['oracle']\n[bands]\nhigh = 0.7\n")
    assert hint(bands__medium="0.5") == f"It is set in {file}."
    monkeypatch.setenv("SAMESKU_JUDGE__USE", "gpt")
    assert hint(bands__medium="0.5") == "It is set in the environment, as SAMESKU_JUDGE__USE."
    monkeypatch.setenv("SAMESKU_JUDGE__USE", "server")
    assert hint(bands__medium="0.8") == "It is set on the command line."


@pytest.mark.parametrize("named", ["enc", "./enc", "in/enc"])
@pytest.mark.parametrize("key", ["encoder.model", "judge.mlx_model", "judge.mlx_adapter"])
def test_a_relative_folder_of_a_model_is_of_the_workspace_wherever_one_works(
    file: Path, monkeypatch: pytest.MonkeyPatch, named: str, key: str
) -> None:
    folder = file.parent / named
    folder.mkdir(parents=True)
    section, _, name = key.partition(".")
    file.write_text(f'[{section}]\n{name} = "{named}"\n')
    (elsewhere := file.parent / "elsewhere").mkdir()
    for place in (file.parent, elsewhere):
        monkeypatch.chdir(place)
        assert getattr(getattr(load_settings(file), section), name) == str(folder)
        assert getattr(getattr(load_settings(file, {key: named}), section), name) == str(folder)


def test_a_name_on_the_hub_and_a_whole_path_stay_as_they_are(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("intfloat/e5-base-v2", "e5-base-v2", "/srv/models/enc"):
        assert load_settings(file, {"encoder.model": name}).encoder.model == name
    assert load_settings(file, {"encoder.model": "./none"}).encoder.model == str(file.parent / "none")
    monkeypatch.setenv("HOME", "/srv/eve")
    assert load_settings(file, {"encoder.model": "~/enc"}).encoder.model == "/srv/eve/enc"


def test_a_model_in_a_home_folder_that_is_none_is_a_sentence(file: Path) -> None:
    with pytest.raises(SettingsError, match="no home folder for ~nobody-here/enc"):
        load_settings(file, {"encoder.model": "~nobody-here/enc"})


def test_a_prefix_keeps_its_space_on_the_command_line(tmp_path: Path) -> None:
    settings = Context(home=tmp_path).settings_with(["encoder.query_prefix=query: ", "retrain.epochs= 2 "])
    assert (settings.encoder.query_prefix, settings.retrain.epochs) == ("query: ", 2)
