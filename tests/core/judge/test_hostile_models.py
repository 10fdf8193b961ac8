"""Malicious or damaged model folders raise a clear error, and none of their code is run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from samples import PRODUCTS, QUERIES
from tiny_llm import TEMPLATE, pairs_of, write_tiny_llm

from core.errors import ModelError
from core.judge import chat_template, template_renderer
from core.judge.backend import load_local_tokenizer
from core.judge.chat_template import ChatTemplate
from core.judge.finetune.chat_examples import read_examples
from core.judge.finetune.llm_recipe import Recipe
from core.judge.finetune.train import create_tuned_judge
from core.judge.mlx import MlxJudge
from core.judge.mlx_model import LocalModel, load_model
from core.judge.model_folder import check_local_files
from core.judge.prompt import Message, pair_messages, training_conversation
from core.workspace import Workspace

pytestmark = pytest.mark.slow

CASES = pairs_of(QUERIES[:1], PRODUCTS[:2])

#: What would write `ran`, if it ran.
EVIL = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
class T: pass
class Model: pass
class ModelArgs: pass
"""


@pytest.fixture
def model(tiny_llm: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_llm, tmp_path / "model"))


#: Renders like `template_renderer.py`, but imports transformers once: a line of input is a request, rendered in a fork
#: under the renderer's own limits, and a line of output is the JSON of what it wrote.
_WARM_RENDERER = """
import io, json, os, sys
import transformers.utils.chat_template_utils
sys.path.append(sys.argv[1])
import template_renderer
for line in sys.stdin:
    ends = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            sys.stdin, sys.stdout = io.StringIO(line), os.fdopen(ends[1], "w")
            template_renderer.main()
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)
    os.close(ends[1])
    with os.fdopen(ends[0]) as written:
        answer = written.read()
    os.waitpid(child, 0)
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def warm_renderer() -> Iterator[Callable[[bytes], bytes]]:
    """What a renderer process writes for a request."""

    def render(request: bytes) -> bytes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline()).encode()

    command = [sys.executable, "-I", "-c", _WARM_RENDERER, str(Path(template_renderer.__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield render


@pytest.fixture
def warm(warm_renderer: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates are rendered without a second of imports for each: see the renderer process in other tests."""

    def run(command: list[str], *, input: bytes, **_: object) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
        return subprocess.CompletedProcess(command, 0, warm_renderer(input), b"")

    monkeypatch.setattr("core.judge.chat_template.subprocess.run", run)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions asked on the terminal, each answered with yes."""
    asked: list[str] = []

    def ask(prompt: str = "") -> str:
        asked.append(prompt)
        return "y"

    monkeypatch.setattr("builtins.input", ask)
    return asked


def edit(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def with_tensor(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def as_a_model_that_transformers_does_not_know(folder: Path) -> None:
    """Only mlx-lm supports this model type, with the same weight names."""
    edit(folder / "config.json", model_type="mimo")


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        list(MlxJudge(str(folder), "", mode="fast", max_tokens=24).verdicts(CASES))
    assert caught.value.hint
    return caught.value.message


# -- code of its own -----------------------------------------------------------------------------------------


def test_custom_tokenizer_code_is_refused_without_prompt(model: Path, questions: list[str]) -> None:
    as_a_model_that_transformers_does_not_know(model)
    assert len(list(MlxJudge(str(model), "", mode="fast", max_tokens=24).verdicts(CASES))) == 2
    edit(model / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "evil.T"]}, tokenizer_class="Unknown")
    (model / "evil.py").write_text(EVIL)
    message = refusal(model)
    assert message == (
        f"{model / 'tokenizer_config.json'} cannot be loaded: it names Python code in auto_map (evil.T);"
        " code of a model is never run."
    )
    assert load_local_tokenizer(str(model)) is None
    assert not (model / "ran").exists()
    assert questions == []


def test_custom_tokenizer_code_is_refused_by_qlora(model: Path, workspace: Workspace, questions: list[str]) -> None:
    as_a_model_that_transformers_does_not_know(model)
    edit(model / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "evil.T"]}, tokenizer_class="Unknown")
    (model / "evil.py").write_text(EVIL)
    with pytest.raises(ModelError, match="it names Python code"):
        create_tuned_judge(workspace, Recipe(model=str(model), data="none"), bits=4)
    assert not list(model.parent.rglob("ran"))
    assert questions == []


def test_model_file_is_not_run(model: Path) -> None:
    edit(model / "config.json", model_file="evil.py")
    (model / "evil.py").write_text(EVIL)
    assert "model_file names Python code" in refusal(model)
    assert not (model / "ran").exists()


@pytest.mark.usefixtures("warm")
def test_unused_auto_map_is_harmless(model: Path, questions: list[str]) -> None:
    edit(model / "config.json", auto_map={"AutoConfig": "owner/name--evil.C", "AutoModelForCausalLM": "evil.M"})
    assert len(list(MlxJudge(str(model), "", mode="fast", max_tokens=24).verdicts(CASES))) == 2
    (model / "evil.py").write_text(EVIL)
    assert "it names Python code in auto_map (evil.M)" in refusal(model)
    assert not (model / "ran").exists()
    assert questions == []


# -- chat templates ------------------------------------------------------------------------------------------

LOOP = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "template",
    [
        LOOP,
        "{{ 'x' * 20000000000 }}",
        "{{ 'x'.ljust(20000000000) }}",
        "{{ 10 ** 10 ** 10 }}",
        "{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
        "{{ 'x' * 300000 }}" + TEMPLATE,
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for m in messages %}",
        "{{ messages[0].role }} and no more",
        TEMPLATE + TEMPLATE,
        "",
    ],
)
def test_unusable_template_is_refused(model: Path, template: str) -> None:
    (model / "chat_template.jinja").write_text(template)
    message = refusal(model)
    assert message.startswith(f"The chat template in {model / 'chat_template.jinja'} cannot be used: ")


@pytest.mark.usefixtures("warm")
def test_error_names_file_of_template(model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    edit(model / "tokenizer_config.json", chat_template="{{ 'x' * 20000000000 }}")
    assert str(model / "tokenizer_config.json") in refusal(model)


@pytest.mark.usefixtures("warm")
def test_template_never_sees_a_listing(model: Path, local: LocalModel) -> None:
    trap = "{% if messages | length > 1 and 'title' in messages[1].content %}" + LOOP + "{% endif %}"
    (model / "chat_template.jinja").write_text(trap + TEMPLATE)
    asked = pair_messages(CASES[0])
    assert LocalModel(str(model)).render(asked) == local.render(asked)


def test_training_examples_are_rendered_under_the_same_limits(model: Path, tmp_path: Path) -> None:
    for name in ("train", "valid"):
        (tmp_path / f"{name}.jsonl").write_text(
            json.dumps({"messages": training_conversation(CASES[0], match=True)}) + "\n"
        )
    (model / "chat_template.jinja").write_text("{{ 'x' * 20000000000 }}")
    with pytest.raises(ModelError, match="cannot be used"):
        read_examples(Recipe(model=str(model), data=str(tmp_path)), load_local_tokenizer(str(model)))


LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m['role'] }}<|end|>\n\n{{ m['content'] | trim }}<|eot|>"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)
MISTRAL = (
    "{% set s = '' %}{% if messages[0].role == 'system' %}{% set s = messages[0].content + '\n\n' %}"
    "{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if m.role == 'user' %}"
    "[INST] {{ s if loop.first else '' }}{{ m.content }}[/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
GEMMA = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<turn>{{ m['role'] }}\n{{ m['content'] | trim }}<end>\n{% endfor %}"
)
THINKING = TEMPLATE + "{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("template", [TEMPLATE, LLAMA, MISTRAL, THINKING])
@pytest.mark.parametrize("answered", [False, True])
def test_rendering_equals_the_template(model: Path, template: str, answered: bool) -> None:
    tokenizer: Any = load_local_tokenizer(str(model))
    tokenizer.chat_template = template
    conversation = training_conversation(CASES[1], match=True) if answered else pair_messages(CASES[1])
    wanted = tokenizer.apply_chat_template(
        conversation, tokenize=False, add_generation_prompt=not answered, enable_thinking=False
    )
    made = ChatTemplate(tokenizer, str(model), thinking=False).render(conversation, answer_begins=not answered)
    assert made == wanted


@pytest.mark.usefixtures("warm")
def test_unsupported_system_message_is_merged_into_user_message(model: Path) -> None:
    tokenizer: Any = load_local_tokenizer(str(model))
    tokenizer.chat_template = GEMMA
    system, user, answer = training_conversation(CASES[0], match=False)
    joined: list[Message] = [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}, answer]
    template = ChatTemplate(tokenizer, str(model), thinking=False)
    wanted = tokenizer.apply_chat_template(joined, tokenize=False)
    assert template.render([system, user, answer], answer_begins=False) == wanted


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environment of each renderer process; nothing was rendered before."""
    given = []
    run = __import__("subprocess").run
    monkeypatch.setattr("subprocess.run", lambda *args, **named: (given.append(named["env"]), run(*args, **named))[1])
    chat_template._rendered.cache_clear()
    return given


def test_renderer_process_has_no_api_key(
    model: Path, environments: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE_KEY", "sk-secret-0123456789")
    LocalModel(str(model)).render(pair_messages(CASES[0]))
    assert len(environments) == 1
    assert "sk-secret-0123456789" not in str(environments)


def test_models_with_the_same_template_share_what_it_renders(
    model: Path, environments: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = load_local_tokenizer(str(model))
    asked = pair_messages(CASES[0])
    one, other = (ChatTemplate(tokenizer, str(model), thinking=False) for _ in range(2))
    with monkeypatch.context() as patched:
        patched.setattr("subprocess.run", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            one.render(asked, answer_begins=True)
    # A failure is not kept; a text is.
    assert one.render(asked, answer_begins=True) == other.render(asked, answer_begins=True)
    assert len(environments) == 1


# -- weights, and what does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_weights_are_refused_on_load(model: Path, value: float) -> None:
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["model.layers.1.mlp.up_proj.weight"][3, 4] = value

    with_tensor(model, spoil)
    assert refusal(model) == (
        f"{model / 'model.safetensors'} cannot be loaded: "
        "model.layers.1.mlp.up_proj.weight holds values that are no finite numbers."
    )


def test_weights_that_compute_nan_are_refused(model: Path) -> None:
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["model.layers.0.mlp.up_proj.weight"][:] = 3e38
        tensors["model.layers.0.mlp.gate_proj.weight"][:] = 3e38
        tensors["model.layers.0.mlp.down_proj.weight"][:] *= 1e38

    with_tensor(model, spoil)
    assert "NaN" in refusal(model)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"hidden_size": 128}, "model"),
        ({"num_hidden_layers": 1}, "model"),
        ({"num_hidden_layers": 3}, "model"),
        ({"num_hidden_layers": 10**8}, "config.json"),
        ({"model_type": "base"}, "model"),
    ],
)
def test_mismatched_configuration_is_refused(model: Path, settings: dict[str, Any], named: str) -> None:
    (model / "generation_config.json").unlink()
    edit(model / "config.json", **settings)
    assert named in refusal(model)


def test_invalid_eos_token_is_refused(model: Path) -> None:
    edit(model / "generation_config.json", eos_token_id=["x"])
    assert "eos_token_id in config.json or generation_config.json names no tokens" in refusal(model)


def test_tokens_outside_vocabulary_are_refused(model: Path, tmp_path: Path) -> None:
    small = write_tiny_llm(tmp_path / "small", vocabulary=300)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model / name, small / name)
    assert "tokenizer.json has tokens that the model does not know" in refusal(small)


def test_invalid_adapter_is_refused(model: Path, tmp_path: Path) -> None:
    import mlx.core as mx  # noqa: PLC0415

    adapter = tmp_path / "adapter"
    adapter.mkdir()
    keys = {"rank": 2, "scale": 1.0, "dropout": 0.0}
    (adapter / "adapter_config.json").write_text(
        json.dumps({"fine_tune_type": "lora", "num_layers": 1, "lora_parameters": {**keys, "keys": ["mlp.up_proj"]}})
    )
    name = "model.layers.1.mlp.up_proj"
    factors = {f"{name}.lora_a": mx.ones((64, 2)), f"{name}.lora_b": mx.ones((2, 128))}
    mx.save_safetensors(str(adapter / "adapters.safetensors"), factors)
    load_model(str(model), str(adapter))
    for without_effect in (factors | {f"{name}.lora_b": mx.zeros((2, 128))}, {f"{name}.lora_a": mx.ones((64, 2))}):
        mx.save_safetensors(str(adapter / "adapters.safetensors"), without_effect)
        with pytest.raises(ModelError, match="changes nothing: it holds no trained weights"):
            load_model(str(model), str(adapter))
    factors[f"{name}.lora_b"] = mx.full((2, 128), float("nan"))
    mx.save_safetensors(str(adapter / "adapters.safetensors"), factors)
    with pytest.raises(ModelError, match=r"adapters\.safetensors cannot be loaded: .*lora_b holds values"):
        load_model(str(model), str(adapter))
    (adapter / "adapter_config.json").unlink()
    os.mkfifo(adapter / "adapter_config.json")
    with pytest.raises(ModelError, match=r"adapter_config\.json cannot be loaded: it is not a regular file"):
        check_local_files(str(model), str(adapter))


@pytest.mark.parametrize("target", ["/dev/zero", "/proc/self/mem"])
def test_fingerprint_of_any_folder(model: Path, target: str) -> None:
    (model / "added_tokens.json").symlink_to(target)
    judge = MlxJudge(str(model), "", mode="fast", max_tokens=24)
    if target == "/dev/zero":
        assert judge.name.startswith("model@")
    else:
        with pytest.raises(ModelError, match="cannot be read"):
            assert judge.name


def test_training_pairs_are_read_from_regular_files_only(model: Path) -> None:
    os.mkfifo(model / "taught.json")
    with pytest.raises(ModelError, match=r"taught\.json cannot be read"):
        MlxJudge(str(model), "", mode="fast", max_tokens=24).training_pairs()
