"""Images are seen as people see them, and broken ones are named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vrft.data.images import content_hash, image_size_wh, open_rgb
from vrft.errors import LabelError

ORIENTATION = 0x0112


def corner_red(size: tuple[int, int]) -> Image.Image:
    """A white image whose upper left quarter is red."""
    image = Image.new("RGB", size, "white")
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    return image


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(
    ("orientation", "corner"),
    # Where EXIF says that the stored upper left corner is seen: (right, bottom).
    [
        (1, (0, 0)),
        (2, (1, 0)),
        (3, (1, 1)),
        (4, (0, 1)),
        (5, (0, 0)),
        (6, (1, 0)),
        (7, (1, 1)),
        (8, (0, 1)),
    ],
)
def test_exif_rotation_is_applied_to_size_and_pixels(
    tmp_path: Path, suffix: str, orientation: int, corner: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a.{suffix}"
    corner_red((64, 32)).save(path, exif=exif)
    expected = (32, 64) if orientation >= 5 else (64, 32)
    assert image_size_wh(path) == expected
    seen = open_rgb(path)
    assert seen.size == expected
    for right in (0, 1):
        for bottom in (0, 1):
            x, y = ((1 + 2 * right) * seen.width // 4, (1 + 2 * bottom) * seen.height // 4)
            green = np.asarray(seen)[y, x, 1]
            assert (green < 80) == ((right, bottom) == corner)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_images_are_turned_as_exif_says(
    tmp_path: Path, suffix: str, orientation: int, kind: type
) -> None:
    stored = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a.{suffix}"
    scale = 257 if kind is np.uint16 else 1
    Image.fromarray(stored.astype(kind) * kind(scale)).save(path, exif=exif)
    # EXIF 2.32: which sides of the stored image are seen at the top and at the left.
    seen = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.T,
        6: stored[::-1].T,
        7: stored[::-1, ::-1].T,
        8: stored[:, ::-1].T,
    }[orientation]
    assert image_size_wh(path) == seen.shape[::-1]
    assert np.array_equal(np.asarray(open_rgb(path)), np.repeat(seen[..., None], 3, 2))


def test_transparency_shows_white(tmp_path: Path) -> None:
    half = Image.new("RGBA", (2, 1), (0, 0, 255, 255))
    half.putpixel((1, 0), (0, 0, 0, 0))
    half.save(tmp_path / "rgba.png")
    half.convert("LA").save(tmp_path / "la.png")
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([0, 0, 255, 10, 10, 10])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "p.png", transparency=1)
    Image.fromarray(np.array([[7, 9]], np.uint8)).save(tmp_path / "l.png", transparency=9)
    for name in ("rgba", "la", "p", "l"):
        seen = open_rgb(tmp_path / f"{name}.png")
        assert seen.mode == "RGB"
        assert seen.getpixel((1, 0)) == (255, 255, 255), name
        assert seen.getpixel((0, 0)) != (255, 255, 255), name


def test_16_bit_grey_keeps_its_upper_bits(tmp_path: Path) -> None:
    values = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert np.asarray(open_rgb(tmp_path / "deep.png"))[0].tolist() == [
        [v >> 8] * 3 for v in values[0].tolist()
    ]


@pytest.mark.parametrize(
    ("mode", "color"), [("CMYK", (0, 0, 0, 0)), ("1", 1), ("L", 255), ("YCbCr", (255, 128, 128))]
)
def test_other_modes_become_rgb(tmp_path: Path, mode: str, color: tuple[int, ...] | int) -> None:
    path = tmp_path / "a.tif"
    Image.new(mode, (4, 4), color).save(path, compression="tiff_lzw")
    assert open_rgb(path).getpixel((1, 1)) == (255, 255, 255)


def test_inks_and_palettes_become_their_colors(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "cyan.jpg", quality=95)
    Image.new("CMYK", (8, 8), (0, 255, 255, 128)).save(tmp_path / "dark.tif")
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    palette.save(tmp_path / "palette.png")
    palette.save(tmp_path / "palette.gif")
    colors = {
        "cyan.jpg": (0, 255, 255),
        "dark.tif": (127, 0, 0),
        "palette.png": (200, 100, 50),
        "palette.gif": (200, 100, 50),
    }
    for name, color in colors.items():
        assert np.abs(np.asarray(open_rgb(tmp_path / name))[4, 4].astype(int) - color).max() <= 2, name


@pytest.mark.parametrize(("name", "form"), [("a.gif", "GIF"), ("a.jpg", "MPO"), ("a.tif", "TIFF")])
def test_the_first_of_several_frames_is_seen(tmp_path: Path, name: str, form: str) -> None:
    others = [Image.new("RGB", (8, 8), "blue")]
    Image.new("RGB", (8, 8), "red").save(tmp_path / name, form, save_all=True, append_images=others)
    red, _, blue = np.asarray(open_rgb(tmp_path / name))[4, 4].tolist()
    assert red > 250 and blue < 5


def test_brightness_of_unknown_range_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    Image.fromarray(np.ones((4, 4), np.float32)).save(path)
    with pytest.raises(LabelError, match=r"float\.tif.*range"):
        open_rgb(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tif"])
def test_a_file_cut_short_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(LabelError, match=rf"cut\.{suffix}"):
        open_rgb(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    for function in (image_size_wh, open_rgb):
        with pytest.raises(LabelError, match=r"odd\.jpg"):
            function(path)
    with pytest.raises(LabelError, match=r"no such image"):
        image_size_wh(tmp_path / "none.jpg")


def test_content_hash_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert content_hash(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    with pytest.raises(LabelError, match="cannot be read"):
        content_hash(tmp_path / "b")
