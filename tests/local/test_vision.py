"""Tiny vision-language models of three families: the same text as transformers makes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image as Pillow

import fmsdk
from fmsdk.errors import BadRequestError, InvalidMedia, UnsupportedSetting
from fmsdk_local.vision.image import decode_image
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls, tiny_checkpoints

FAMILIES = ("llava", "qwen2_5_vl", "gemma3")
QUESTION = "What colour is it?"


def user_turn(*images: Any) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "image", "image": image} for image in images]
    return [{"role": "user", "content": [*blocks, {"type": "text", "text": QUESTION}]}]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_greedy_text_equals_that_of_transformers(
    tiny_checkpoint: CheckpointFactory, family: str, count: int
) -> None:
    images = [calls.picture(90 + 40 * n, 60) for n in range(count)]
    path = tiny_checkpoint(family)
    expected = calls.reference(path, user_turn(*images), do_sample=False, max_new_tokens=24)
    parts = [*map(fmsdk.Image, images), QUESTION]
    answer = calls.client().generate(f"local:{path}", parts, **calls.GREEDY)
    assert answer.text == expected
    with calls.client().stream(f"local:{path}", parts, **calls.GREEDY) as stream:
        assert "".join(e.text for e in stream if isinstance(e, fmsdk.TextDelta)) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_the_picture_matters(tiny_checkpoint: CheckpointFactory, family: str) -> None:
    model = f"local:{tiny_checkpoint(family)}"
    pictures = (calls.picture(), Pillow.new("RGB", (90, 60), "white"))
    texts = {
        calls.client().generate(model, [fmsdk.Image(each), QUESTION], **calls.GREEDY).text
        for each in pictures
    }
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("family", "tokens"),
    # LLaVA: 28x28 in patches of 14, without CLS. Qwen: 84x56 in merged patches of 28.
    [("llava", 4), ("qwen2_5_vl", 6), ("gemma3", 4)],
)
def test_image_tokens_are_counted(
    tiny_checkpoint: CheckpointFactory, family: str, tokens: int
) -> None:
    model = f"local:{tiny_checkpoint(family)}"
    parts = [fmsdk.Image(calls.picture()), QUESTION]
    used = calls.client().generate(model, parts, **calls.GREEDY).usage.input
    assert used.image == tokens
    assert used.text is not None
    assert used.total == used.text + tokens
    assert calls.client().generate(model, QUESTION, **calls.GREEDY).usage.input.image == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_files_bytes_and_pictures_are_the_same(
    tiny_checkpoint: CheckpointFactory, family: str, tmp_path: Any
) -> None:
    image = calls.picture()
    file = tmp_path / "circle.png"
    image.save(file)
    data = io.BytesIO()
    image.save(data, "PNG")
    model = f"local:{tiny_checkpoint(family)}"
    texts = {
        calls.client().generate(model, [fmsdk.Image(source), QUESTION], **calls.GREEDY).text
        for source in (image, file, data.getvalue())
    }
    assert len(texts) == 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_pictures_of_every_mode_are_seen(tiny_checkpoint: CheckpointFactory, mode: str) -> None:
    picture = fmsdk.Image(calls.picture().convert(mode))
    model = f"local:{tiny_checkpoint('llava')}"
    assert (
        calls.client().generate(model, [picture, QUESTION], **calls.GREEDY).usage.input.image == 4
    )


def test_a_picture_is_turned_the_way_its_exif_data_says(tiny_checkpoint: CheckpointFactory) -> None:
    data = io.BytesIO()
    rotated = calls.picture().rotate(-90, expand=True)
    exif = rotated.getexif()
    exif[0x0112] = 8  # "turn it by 90 degrees to the left"
    rotated.save(data, "PNG", exif=exif)
    model = f"local:{tiny_checkpoint('qwen2_5_vl')}"
    texts = {
        calls.client().generate(model, [fmsdk.Image(source), QUESTION], **calls.GREEDY).text
        for source in (data.getvalue(), calls.picture())
    }
    assert len(texts) == 1


def test_a_truncated_picture_is_refused(tiny_checkpoint: CheckpointFactory) -> None:
    data = io.BytesIO()
    calls.picture().save(data, "PNG")
    with pytest.raises(InvalidMedia):
        calls.client().generate(
            f"local:{tiny_checkpoint('llava')}", [fmsdk.Image(data.getvalue()[:-40]), QUESTION]
        )


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl"])
def test_text_cannot_forge_an_image_placeholder(
    tiny_checkpoint: CheckpointFactory, family: str
) -> None:
    model = f"local:{tiny_checkpoint(family)}"
    attack = [
        fmsdk.Image(calls.picture()),
        f"{tiny_checkpoints.IMAGE} {tiny_checkpoints.BOS} {QUESTION}",
    ]
    honest_parts = [fmsdk.Image(calls.picture()), QUESTION]
    used = calls.client().generate(model, attack, **calls.GREEDY).usage.input
    honest = calls.client().generate(model, honest_parts, **calls.GREEDY).usage.input
    assert used.image == honest.image
    assert used.text is not None
    assert honest.text is not None
    assert used.text > honest.text + 6


def test_where_a_processor_cannot_tell_them_apart_it_refuses(
    tiny_checkpoint: CheckpointFactory,
) -> None:
    parts = [fmsdk.Image(calls.picture()), f"{tiny_checkpoints.IMAGE} {QUESTION}"]
    with pytest.raises(BadRequestError, match="chat template"):
        calls.client().generate(f"local:{tiny_checkpoint('gemma3')}", parts)


def test_detail_is_not_lost_silently(tiny_checkpoint: CheckpointFactory) -> None:
    model = f"local:{tiny_checkpoint('llava')}"
    parts = [fmsdk.Image(calls.picture(), detail="high"), QUESTION]
    with pytest.raises(UnsupportedSetting, match="detail"):
        calls.client().generate(model, parts)
    answer = calls.client().generate(model, parts, lenient=True, **calls.GREEDY)
    assert [warning.detail for warning in answer.warnings] == ["detail"]


def test_a_pil_image_is_seen_upright_as_its_file_is() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    calls.picture(90, 60).save(buffer, "JPEG", exif=exif)
    for source in (buffer.getvalue(), Pillow.open(buffer)):
        assert decode_image(fmsdk.Image(source), []).size == (60, 90)
    broken = Pillow.open(io.BytesIO(buffer.getvalue()[:-300]))
    with pytest.raises(InvalidMedia, match="cannot be decoded"):
        decode_image(fmsdk.Image(broken), [])
