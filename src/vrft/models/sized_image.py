"""An image at the size at which a model sees it: whoever processes it again has nothing left to resize."""

from __future__ import annotations

import io

from PIL import Image as PILImage

from vrft.data.images import open_image
from vrft.models.policy import Policy
from vrft.types import Medium


def sized_image(policy: Policy, medium: Medium) -> PILImage.Image:
    """What is shown of an image file, resized as the policy's own image processor resizes it; raises as
    ``Policy.image``."""
    size = policy.image(medium).frame.input_wh
    seen = open_image(medium)  # type: ignore[arg-type]  # other media were refused by the policy
    resample = PILImage.Resampling(getattr(policy.image_processor, "resample", None) or 3)
    return seen.resize(size, resample) if seen.size != size else seen


def png_of(image: PILImage.Image) -> bytes:
    """An image as the bytes of a PNG file, which loses nothing."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
