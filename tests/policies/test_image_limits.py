"""Which images a family's processor refuses: known from their sizes, and what the processor itself does."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from architectures import FAMILY_NAMES, loaded, medium
from vrft.errors import LabelError
from vrft.models.families import FAMILIES
from vrft.models.image_limits import image_limits
from vrft.models.model_options import ModelOptions

SIZES = [
    (1, 1),
    (2, 1),
    (1, 3),
    (3, 3),
    (1, 200),
    (201, 1),
    (400, 2),
    (2, 401),
    (5000, 2),
    (9, 2000),
    (6000, 31),
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    for width, height in SIZES:
        Image.new("RGB", (width, height), (90, 120, 30)).save(folder / f"{width}x{height}.png")
    return [medium(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_what_is_refused_is_what_the_processor_refuses(name, tiny_folders, drawn):
    policy = loaded(tiny_folders[name])
    limits = image_limits(ModelOptions(path=str(tiny_folders[name])))
    for image in drawn:
        pixels = Image.open(image.path)
        try:
            policy.family.process(pixels, policy.image_processor, policy.tokenizer, policy.core.config)
        except ValueError:
            taken = False
        else:
            taken = True
        found = limits.refusal(image)
        assert (found is None) is taken, image.size_wh
        if found is None:
            prepared = policy.image(image)
            ids = policy.tokenizer(prepared.text, add_special_tokens=False)["input_ids"]
            features = policy.features([prepared]).pooler_output
            whole = features if torch.is_tensor(features) else torch.cat(list(features))
            assert len(whole.flatten(0, -2)) == ids.count(policy.image_token_id), image.size_wh
        else:
            width, height = image.size_wh
            assert found.where == str(image.path) and f"{width}x{height} pixels" in found.problem
            with pytest.raises(LabelError, match=f"{width}x{height} pixels"):
                policy.image(image)


def test_only_the_families_of_qwen_refuse_any_shape(tiny_folders, drawn):
    refusing = {
        name
        for name in FAMILY_NAMES
        if any(image_limits(ModelOptions(path=str(tiny_folders[name]))).refusal(image) for image in drawn)
    }
    assert refusing == {"qwen2_vl", "qwen2_5_vl", "qwen3_vl"} & set(FAMILIES)
