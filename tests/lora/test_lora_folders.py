"""One adapter folder at a time: what it means, and why it is refused."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from hand_made import ALPHA, OLD, PROJECTIONS, RANK, TODAY, factors, merged, text_weights, write_adapter
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from architectures import FAMILY_NAMES, ask, loaded
from vrft.errors import ConfigError, ModelError, RunError
from vrft.models.adapter_folder import write_base
from vrft.models.load_policy import load_policy, save_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.models.model_source import weights_of
from vrft.models.saved_weights import check_saved
from vrft.training.reference import Reference

FAMILY = "qwen2_5_vl"


@pytest.fixture
def base(tiny_folders, tmp_path):
    """A base of the test's own, which it may change."""
    shutil.copytree(tiny_folders[FAMILY], tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def pairs(base):
    return factors(base, 1)


def text_of(policy):
    return {name: value for name, (_, value) in text_weights(dict(policy.core.named_parameters())).items()}


def means(policy, base, *several, folder):
    """Whether a policy's weights are those of a base and adapters, by arithmetic."""
    expected = text_weights(load_file(merged(folder, base, *several) / "model.safetensors"))
    own = text_of(policy)
    return own.keys() == expected.keys() and all(
        torch.allclose(own[name], expected[name][1], atol=1e-6) for name in own
    )


def changed(folder, **settings):
    """The same adapter with other settings."""
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return folder


def rewritten(folder, change):
    """The same adapter with other tensors."""
    file = folder / "adapter_model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    return folder


# ---- old forms that are read


FULL_NAMES = [f"model.layers.{i}.{block}.{p}" for i in (0, 1) for block, p in (
    ("self_attn", "q_proj"), ("self_attn", "v_proj"), ("mlp", "up_proj"))]  # fmt: skip


@pytest.mark.parametrize(
    "targets",
    [
        list(PROJECTIONS),
        FULL_NAMES,
        r"^(model)(?!.*(lm_head|output|emb|wte|shared)).*\.(q_proj|v_proj|up_proj)",
        r"^(?!.*visual).*(?:q_proj|v_proj|up_proj).*",
    ],
    ids=["leaves", "full names", "pattern of a trainer", "pattern that leaves vision out"],
)
def test_old_names_are_read_whatever_form_the_targets_have(base, pairs, tmp_path, targets):
    folder = write_adapter(tmp_path / "old", base, pairs, OLD, target_modules=targets)
    assert means(loaded(folder), base, pairs, folder=tmp_path / "expected")


@pytest.mark.parametrize("name", ["internvl", "llava_onevision", "gemma3"])
def test_old_names_of_other_families_are_read(name, tiny_folders, tmp_path):
    base = tiny_folders[name]
    first = factors(base, 1)
    old = write_adapter(tmp_path / "old", base, first, "base_model.model.language_model.model.layers")
    now = write_adapter(tmp_path / "now", base, first)
    expected = text_weights(load_file(merged(tmp_path / "whole", base, first) / "model.safetensors"))
    for folder in (old, now):
        own = text_of(loaded(folder))
        assert own.keys() == expected.keys()
        assert all(torch.allclose(own[key], expected[key][1], atol=1e-6) for key in own)


def test_old_names_of_the_vision_tower_and_of_dumped_states_are_read(base, pairs, tmp_path):
    whole = load_file(base / "model.safetensors")
    qkv = next(value for key, value in whole.items() if key.endswith("visual.blocks.0.attn.qkv.weight"))
    a, b = torch.ones(RANK, qkv.shape[1]), torch.full((qkv.shape[0], RANK), 0.5)

    def dumped(tensors):
        named = {key.replace(".weight", ".default.weight"): value for key, value in tensors.items()}
        place = "base_model.model.visual.blocks.{}.attn.qkv.lora_{}.default.weight"
        of_block = {"A": a, "B": b}
        return named | {place.format(i, x): of_block[x].clone() for i in (0, 1) for x in of_block}

    folder = rewritten(write_adapter(tmp_path / "old", base, pairs, OLD), dumped)
    policy = loaded(folder)
    assert means(policy, base, pairs, folder=tmp_path / "expected")
    now = dict(policy.model.named_parameters())["model.visual.blocks.0.attn.qkv.weight"]
    assert torch.allclose(now, qkv + ALPHA / RANK * (b @ a), atol=1e-6)
    learning = loaded(folder, lora=LoraOptions())
    learned = [name for name, p in learning.model.named_parameters() if p.requires_grad]
    assert learned and not any("visual" in name for name in learned)


FORMS = {
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "biases": {"bias": "all"},
    "ranks of their own": {"rank_pattern": {"q_proj": 4}, "alpha_pattern": {"v_proj": 2}},
    "one layer": {"layers_to_transform": [1]},
    "a head of its own": {"modules_to_save": ["lm_head"]},
    "embeddings that the base shares with its head": {"target_modules": ["embed_tokens", "q_proj"]},
    "single tokens": {"trainable_token_indices": [9, 10]},
}


@pytest.mark.parametrize("form", FORMS)
def test_an_adapter_of_any_form_means_what_peft_means_by_it(base, tmp_path, form):
    torch.manual_seed(0)
    settings = {"r": RANK, "lora_alpha": ALPHA, "target_modules": ["q_proj", "v_proj"]} | FORMS[form]
    theirs = get_peft_model(AutoModelForImageTextToText.from_pretrained(base), LoraConfig(**settings)).eval()
    ids = torch.arange(8, 20)[None]
    with torch.no_grad():
        before = theirs(input_ids=ids).logits
        for value in theirs.parameters():
            if value.requires_grad:
                value.add_(torch.randn_like(value) * 0.1)
        expected = theirs(input_ids=ids).logits
        assert not torch.allclose(before, expected, atol=1e-2)
        theirs.save_pretrained(tmp_path / "adapter")
        for lora in (None, LoraOptions()):
            policy = loaded(tmp_path / "adapter", lora=lora)
            assert torch.allclose(policy.core(input_ids=ids).logits, expected, atol=1e-4)
            saved = loaded(save_policy(policy, tmp_path / f"saved {lora is None}"))
            assert torch.allclose(saved.core(input_ids=ids).logits, expected, atol=1e-4)


# ---- bases


def test_a_base_is_found_from_any_working_directory(base, pairs, tmp_path, monkeypatch):
    folder = write_adapter(tmp_path / "runs" / "a" / "model", "base", pairs)
    monkeypatch.chdir(tmp_path)
    assert means(loaded(folder), base, pairs, folder=tmp_path / "expected")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert torch.equal(*(next(iter(text_of(loaded(f)).values())) for f in (folder, tmp_path / "expected")))


def test_a_saved_adapter_finds_its_base_where_both_were_moved(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = loaded("base", lora=LoraOptions(rank=2))
    save_policy(policy, tmp_path / "adapter")
    named = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert named["base_model_name_or_path"] == str(base)
    (tmp_path / "moved").mkdir()
    for name in ("base", "adapter"):
        shutil.move(tmp_path / name, tmp_path / "moved" / name)
    with pytest.warns(RuntimeWarning, match="has not learned anything"):
        assert loaded(tmp_path / "moved" / "adapter").base == str(tmp_path / "moved" / "base")


@pytest.mark.parametrize("noted", ["beside the adapter", "in its run"])
def test_a_base_whose_weights_have_changed_is_refused(base, pairs, tmp_path, noted):
    folder = write_adapter(tmp_path / "run" / "model", base, pairs)
    weights = weights_of(str(base))
    if noted == "beside the adapter":
        write_base(folder, str(base), weights)
    else:
        run = {"model": str(base), "weights": weights}
        (folder.parent / "run.json").write_text(json.dumps(run))
    before = weights_of(str(folder))
    loaded(folder)
    merged(tmp_path / "other", base, pairs)
    shutil.copy(tmp_path / "other" / "model.safetensors", base)
    with pytest.raises(ModelError, match="have changed since the adapter was trained"):
        loaded(folder)
    assert weights_of(str(folder)) != before


def test_an_adapter_inside_the_folder_of_its_base_is_applied(base, pairs, tmp_path):
    write_adapter(base / "lora_adapter", None, pairs)
    for given in (base, base / "lora_adapter"):
        assert means(loaded(given), base, pairs, folder=tmp_path / f"as {given.name}")
    policy = loaded(base, lora=LoraOptions())
    saved = save_policy(policy, tmp_path / "saved")
    shutil.rmtree(base / "lora_adapter")
    expected = tmp_path / "again"
    assert means(loaded(saved), base, pairs, folder=expected)


def test_an_adapter_trained_on_the_folder_that_holds_another_is_not_added_to_it(base, pairs, tmp_path):
    write_adapter(base / "lora_adapter", None, pairs)
    second = write_adapter(tmp_path / "second", base, factors(base, 2))
    assert means(loaded(second), base, factors(base, 2), folder=tmp_path / "expected")


# ---- refusals


def without(*names):
    return lambda tensors: {k: v for k, v in tensors.items() if not any(name in k for name in names)}


def wider(tensors):
    return {k: torch.cat([v, v]) if "lora_A" in k else v for k, v in tensors.items()}


REFUSED = {
    "settings that are no JSON": (
        lambda f, b: (f / "adapter_config.json").write_text("{"),
        "cannot be read .* Save or download",
    ),
    "settings that are a list": (
        lambda f, b: (f / "adapter_config.json").write_text("[]"),
        "has no settings",
    ),
    "settings of the wrong kind": (lambda f, b: changed(f, r="many"), "(cannot be read|does not fit)"),
    "another kind of adapter": (lambda f, b: changed(f, peft_type="IA3"), "of the kind IA3.*LoRA adapters"),
    "no weights": (lambda f, b: (f / "adapter_model.safetensors").unlink(), "has no weights"),
    "cut weights": (
        lambda f, b: (f / "adapter_model.safetensors").write_bytes(
            (f / "adapter_model.safetensors").read_bytes()[:-100]
        ),
        "the adapter cannot be read",
    ),
    "empty weights": (
        lambda f, b: (f / "adapter_model.safetensors").write_bytes(b""),
        "the adapter cannot be read",
    ),
    "no tensors": (lambda f, b: rewritten(f, lambda t: {}), "the file holds no weights"),
    "shapes of another rank": (lambda f, b: rewritten(f, wider), r"is \(4, 32\), and .* make it \(2, 32\)"),
    "one factor alone": (
        lambda f, b: rewritten(f, without("0.mlp.up_proj.lora_B")),
        r"lacks weights \(.*0.mlp.up_proj.lora_B",
    ),
    "a layer left out": (lambda f, b: rewritten(f, without("layers.1.")), r"lacks weights \(.*layers\.1\."),
    "a projection left out": (lambda f, b: rewritten(f, without("v_proj")), r"lacks weights \(v_proj"),
    "names of another model": (
        lambda f, b: rewritten(f, lambda t: {k.replace("up_proj", "fc1"): v for k, v in t.items()}),
        r"4 of the adapter's 12 weights have no place in its base model \(.*fc1",
    ),
    "weights under old names and new ones": (
        lambda f, b: rewritten(f, lambda t: t | {k.replace(TODAY, OLD): v * 2 for k, v in t.items()}),
        "12 of the adapter's 24 weights are there twice",
    ),
    "a scale of nothing": (lambda f, b: changed(f, lora_alpha=0), "lora_alpha is 0 .* trained with"),
    "no base": (lambda f, b: changed(f, base_model_name_or_path=None), "does not name .* base model"),
    "a base that is gone": (
        lambda f, b: changed(f, base_model_name_or_path="/gone/far/away"),
        "'/gone/far/away' is not there. Put it there",
    ),
    "itself as base": (
        lambda f, b: changed(f, base_model_name_or_path=str(f)),
        "is that adapter again. Write the right one",
    ),
    "a whole model beside": (
        lambda f, b: shutil.copytree(b, f, dirs_exist_ok=True),
        "holds a whole model and the settings of an adapter",
    ),
    "an adapter of another base inside a whole model": (
        lambda f, b: [
            shutil.copytree(f, f / "lora_adapter"),
            shutil.copytree(b, f, dirs_exist_ok=True),
            (f / "adapter_config.json").unlink(),
        ],
        "holds a whole model and, in lora_adapter, an adapter of '.*base'. Give",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_adapter_that_cannot_be_right_is_refused(base, pairs, tmp_path, case):
    change, said = REFUSED[case]
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    loaded(folder)
    change(folder, base)
    with pytest.raises(ModelError, match=said) as refused:
        loaded(folder)
    assert "\n" not in str(refused.value) and str(folder) in str(refused.value)


@pytest.mark.parametrize("case", ["shapes of another rank", "names of another model", "one factor alone"])
def test_what_reads_no_weights_sees_it_too(base, pairs, tmp_path, case):
    change, said = REFUSED[case]
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    for lora in (None, LoraOptions()):
        policy = load_policy(ModelOptions(path=str(folder), device="meta", lora=lora))
        assert hasattr(policy.model, "peft_config") == (lora is not None)
    change(folder, base)
    with pytest.raises(ModelError, match=said):
        load_policy(ModelOptions(path=str(folder), device="meta"))


def test_a_layer_that_was_not_to_be_adapted_is_not_missed(base, pairs, tmp_path):
    first = {name: pair for name, pair in pairs.items() if name.startswith("0.")}
    folder = write_adapter(tmp_path / "adapter", base, first, layers_to_transform=[0])
    assert means(loaded(folder), base, first, folder=tmp_path / "expected")


@pytest.mark.parametrize("strange", ["an adapter's", "a layer's"])
def test_a_whole_model_with_weights_that_have_no_place_is_refused(base, strange):
    file = base / "model.safetensors"
    whole = load_file(file)
    (key, value) = next(iter(text_weights(whole).values()))
    name = (
        key.replace(".weight", ".lora_A.weight") if strange == "an adapter's" else key.replace(".0.", ".7.")
    )
    save_file(whole | {name: value.clone()}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights have no place in the model \("):
        loaded(base)


def test_an_adapter_that_has_not_learned_yet_is_the_base_and_says_so(base, pairs, tmp_path):
    fresh = {name: (a, torch.zeros_like(b)) for name, (a, b) in pairs.items()}
    folder = write_adapter(tmp_path / "adapter", base, fresh)
    with pytest.warns(RuntimeWarning, match="has not learned anything"):
        policy = loaded(folder)
    assert means(policy, base, folder=tmp_path / "expected")


# ---- adapters that learn


@pytest.mark.parametrize("key", ["rank", "alpha"])
def test_going_on_under_other_settings_is_refused(base, pairs, tmp_path, key):
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    with pytest.raises(ConfigError, match=rf"model.lora.{key}: it is 3, .*on_adapter: merge"):
        loaded(folder, lora=LoraOptions(**{key: 3}))
    policy = loaded(folder, lora=LoraOptions(rank=RANK, alpha=ALPHA, dropout=0.5))
    learned = {name for name, p in policy.model.named_parameters() if p.requires_grad}
    assert len(learned) == 2 * len(pairs) and all(TODAY in name for name in learned)
    assert policy.model.peft_config["default"].lora_dropout == 0.5


def test_a_merged_adapter_and_a_fresh_one_are_saved_as_one_whole_model(base, pairs, tmp_path, images):
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    policy = loaded(folder, lora=LoraOptions(rank=4, on_adapter="merge"))
    second = {}
    with torch.no_grad():
        for name, value in policy.model.named_parameters():
            if "lora_B" in name:
                second[name] = value.normal_(std=0.2).clone()
    reference = dict(loaded(folder).core.named_parameters())
    saved = save_policy(policy, tmp_path / "saved")
    assert not (saved / "adapter_config.json").exists()
    ended = text_of(loaded(saved))
    for name, value in text_of(policy).items():
        assert torch.equal(ended[name], value)
    assert any(not torch.equal(ended[n], v) for n, (_, v) in text_weights(reference).items() if n in ended)


def test_the_reference_of_an_adapter_that_goes_on_is_where_it_began(base, pairs, tmp_path, images):
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    policy, began = loaded(folder, lora=LoraOptions()), loaded(folder)
    reference = Reference(policy)
    prompt = ask(policy, "Where is the seven?", images[0])
    asked = ([prompt], [(5, 6, 7)], 1, 1.0, "plain")
    with torch.no_grad():
        for value in policy.model.parameters():
            if value.requires_grad:
                value.add_(0.1)
    now = {name: value.clone() for name, value in policy.model.named_parameters()}
    found = reference.logprobs(*asked)
    assert torch.allclose(found, Reference(began).logprobs(*asked), atol=1e-4)
    assert not torch.allclose(found, Reference(loaded(base)).logprobs(*asked), atol=1e-2)
    assert all(torch.equal(now[name], value) for name, value in policy.model.named_parameters())


# ---- what is on the disk


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("lora", [None, LoraOptions(rank=2)], ids=["whole", "adapter"])
def test_every_saved_weight_is_compared_with_memory(name, lora, tiny_folders, tmp_path):
    policy = loaded(tiny_folders[name], lora=lora)
    saved = save_policy(policy, tmp_path / "saved")
    (file,) = saved.glob("*.safetensors")
    tensors = load_file(file)
    assert check_saved(policy.model, saved) == len(tensors)
    for key in (min(tensors), max(tensors)):
        bad = tensors[key].clone()
        bad.view(-1)[-1] += 1
        save_file(tensors | {key: bad}, file, metadata={"format": "pt"})
        with pytest.raises(RunError, match=f"the weight '{key}' is not on the disk as it is in memory"):
            check_saved(policy.model, saved)
        left = {k: v for k, v in tensors.items() if k != key}
        save_file(left, file, metadata={"format": "pt"})
        with pytest.raises(RunError, match="is not on the disk"):
            check_saved(policy.model, saved)
    file.write_bytes(b"junk")
    with pytest.raises(RunError, match="cannot be read again"):
        check_saved(policy.model, saved)
