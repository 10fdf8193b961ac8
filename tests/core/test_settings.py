"""Settings: file < environment < command line, and nothing unknown."""

import re
from pathlib import Path

import pytest

from core.cli.context import Context
from core.errors import SettingsError
from core.settings import RENAMED, Settings, load_settings
from core.settings_info import settings_info
from core.settings_notice import renamed_settings_notice
from core.workspace import Workspace


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
        ("[bands]\nhigh = 0.7\nmedium = 0.7\n", "bands: bands.medium must be below bands.high"),
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
    [
        ("epochs", "written as section.name"),
        ("retrain.epochs.x", "unknown setting"),
        ("nothing.here", "unknown setting"),
    ],
)
def test_an_override_must_name_a_setting(file: Path, key: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load_settings(file, {key: "1"})


def test_a_section_is_no_value(file: Path) -> None:
    file.write_text("retrain = 1\n")
    with pytest.raises(SettingsError, match="is a section"):
        load_settings(file, {"retrain.epochs": "2"})


def test_every_setting_has_a_meaning(file: Path) -> None:
    """It is shown by `samesku settings`, at the desk and in the documentation."""
    assert [
        told.name for told in settings_info(file) if not re.fullmatch(r"[A-Z`].{10,}\.", told.help, re.DOTALL)
    ] == []


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


# -- former names --------------------------------------------------------------------------------------------

FORMER = {
    "validation.most_pairs": 70, "labels.weigh_annotators": True, "retrain.least_steps": 7, "retrain.held_out": 0.3,
    "judge.ahead": True,
}  # fmt: skip


def value_of(settings: Settings, former: str) -> object:
    section, _, name = RENAMED[former].partition(".")
    return getattr(getattr(settings, section), name)


@pytest.mark.parametrize(("former", "value"), FORMER.items())
@pytest.mark.parametrize("place", ["file", "environment", "command line"])
def test_a_former_name_is_an_alias(
    file: Path, monkeypatch: pytest.MonkeyPatch, former: str, value: object, place: str
) -> None:
    assert FORMER.keys() == RENAMED.keys()
    assert value_of(Settings(), former) != value
    section, _, name = former.partition(".")
    overrides = {}
    if place == "file":
        file.write_text(f"[{section}]\n{name} = {str(value).lower()}\n")
    elif place == "environment":
        monkeypatch.setenv(f"SAMESKU_{section}__{name}".upper(), str(value))
    else:
        overrides = {former: str(value)}
    assert value_of(load_settings(file, overrides), former) == value


def test_whatever_the_name_the_command_line_beats_the_environment_which_beats_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[retrain]\nmin_steps = 1\n")
    monkeypatch.setenv("SAMESKU_RETRAIN__LEAST_STEPS", "2")
    assert load_settings(file).retrain.min_steps == 2
    assert {told.origin for told in settings_info(file) if told.name == "retrain.min_steps"} == {"environment"}
    assert load_settings(file, {"retrain.min_steps": "3"}).retrain.min_steps == 3
    monkeypatch.delenv("SAMESKU_RETRAIN__LEAST_STEPS")
    monkeypatch.setenv("SAMESKU_RETRAIN__MIN_STEPS", "4")
    assert load_settings(file).retrain.min_steps == 4
    file.write_text("[retrain]\nleast_steps = 1\n")
    assert load_settings(file).retrain.min_steps == 4
    assert load_settings(file, {"retrain.least_steps": "5"}).retrain.min_steps == 5


def test_one_place_gives_a_setting_one_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[judge]\nahead = true\nprefetch = false\n")
    with pytest.raises(SettingsError, match=r"judge\.prefetch and judge\.ahead, its former name, are both set in "):
        load_settings(file)
    file.unlink()
    monkeypatch.setenv("SAMESKU_JUDGE__AHEAD", "true")
    monkeypatch.setenv("SAMESKU_JUDGE__PREFETCH", "true")
    with pytest.raises(SettingsError, match="both set in the environment") as caught:
        load_settings(file)
    assert caught.value.hint == "Remove judge.ahead."


def test_a_bad_value_under_a_former_name_is_told_with_where_it_is_set(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMESKU_RETRAIN__LEAST_STEPS", "few")
    with pytest.raises(SettingsError, match=r"retrain\.min_steps: Input should be a valid integer") as caught:
        load_settings(file)
    assert caught.value.hint == "It is set in the environment, as SAMESKU_RETRAIN__LEAST_STEPS."


def test_a_workspace_is_told_of_each_former_name_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    assert renamed_settings_notice(workspace) == ""
    workspace.settings.write_text("[retrain]\nleast_steps = 1\n")
    assert renamed_settings_notice(workspace) == (
        "Settings were renamed: retrain.least_steps is now retrain.min_steps. "
        "The former names still work; please use the new ones."
    )
    assert renamed_settings_notice(workspace) == ""
    monkeypatch.setenv("SAMESKU_JUDGE__AHEAD", "true")
    assert "renamed: judge.ahead is now judge.prefetch. " in renamed_settings_notice(workspace)
    assert renamed_settings_notice(workspace) == renamed_settings_notice(workspace, ["retrain.epochs"]) == ""
    workspace.notices.write_text("[1")
    assert "judge.ahead is now judge.prefetch, retrain.least_steps is now" in renamed_settings_notice(workspace)


def test_where_nothing_can_be_noted_it_is_told_again_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE__AHEAD", "true")
    workspace = Workspace(tmp_path / "none")
    assert renamed_settings_notice(workspace) == renamed_settings_notice(workspace) != ""
    assert not workspace.home.exists()


def test_the_command_line_tells_it_on_the_error_output_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "samesku.toml").write_text("[judge]\nahead = true\n")
    for context in (Context(home=tmp_path, quiet=True), Context(home=tmp_path, announce=False)):
        assert context.settings.judge.prefetch
        assert capsys.readouterr() == ("", "")
    assert Context(home=tmp_path).settings.judge.prefetch
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "judge.ahead is now judge.prefetch" in err
    assert Context(home=tmp_path).settings.judge.prefetch
    assert capsys.readouterr() == ("", "")
    Context(home=tmp_path).settings_with(["retrain.held_out=0.5"])
    assert "retrain.held_out is now retrain.holdout_share" in capsys.readouterr().err


MIX = {"explicit": 2.0, "mined": 0.5}


@pytest.mark.parametrize("text", ["explicit=2,mined=0.5", "explicit: 2, mined: 0.5", '{"explicit": 2, "mined": 0.5}'])
def test_a_mix_is_given_in_the_file_and_on_the_command_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "samesku.toml"
    assert load_settings(file).retrain.negative_mix == {}
    assert load_settings(file, {"retrain.negative_mix": text}).retrain.negative_mix == MIX
    file.write_text("[retrain]\nnegative_mix = { explicit = 2, mined = 0.5 }\n")
    assert load_settings(file).retrain.negative_mix == MIX


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("explicitt=2", "Input should be 'explicit'"),
        ("explicit", "unable to parse string as a number"),
        ("explicit=-1", "greater than or equal to 0"),
        ("explicit=nan", "finite number"),
        ("explicit=0", "one ratio must be above 0"),
        ("{", "Input should be 'explicit'"),
    ],
)
def test_a_mix_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as found:
        load_settings(tmp_path / "samesku.toml", {"retrain.negative_mix": text})
    assert found.value.message.startswith("retrain.negative_mix")
