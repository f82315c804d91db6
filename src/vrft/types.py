"""The nouns of vrft, each one frozen dataclass. Nothing here imports torch.

Boxes are ``(x1, y1, x2, y2)`` floats in pixels of the original picture, x to the right and y downwards,
with x1 < x2 and y1 < y2, everywhere except inside a model's text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image

BoxXYXY = tuple[float, float, float, float]
Span = tuple[int, int]
"""Part of a text: its first character, and the one after its last."""
NOWHERE: Span = (0, 0)
"""A place that is not known."""


class Form(StrEnum):
    """How a model is asked to answer."""

    THINK = "think"
    """``<think>`` reasoning ``</think>`` then ``<answer>``, as in the paper."""
    DIRECT = "direct"
    """``<answer>`` alone."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A region of a picture, run-length encoded as COCO has it (``pycocotools.mask``, compressed counts)."""

    size_hw: tuple[int, int]
    """Height and width of the original picture in pixels."""
    counts: str


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """One labelled box of a record."""

    category: str
    box_xyxy_px: BoxXYXY
    crowd: bool = False
    """Counts neither for nor against: many instances in one (COCO ``iscrowd``), or VOC's ``difficult``."""
    mask: Mask | None = None
    """The instance's own region, where the labels have one."""


@dataclass(frozen=True)
class Expression:
    """A phrase and the boxes that it refers to."""

    text: str
    boxes_xyxy_px: tuple[BoxXYXY, ...]
    mask: Mask | None = None
    """The region that is meant, where the labels have one."""
    ignore: Mask | None = None
    """A region that counts neither for nor against an answer (LISA's ignored shapes)."""


@dataclass(frozen=True)
class Record:
    """One picture with its raw labels, as a dataset file gives it."""

    id: str
    """Unique and stable within the data set."""
    image: Path
    image_wh: tuple[int, int]
    """Width and height in pixels as the picture is seen (EXIF rotation applied)."""
    boxes: tuple[LabelledBox, ...] = ()
    category: str | None = None
    """The picture's class, for classification."""
    expressions: tuple[Expression, ...] = ()
    absent: tuple[str, ...] | None = None
    """Categories looked for and not there (LVIS); None where all that is not labelled is absent."""
    not_exhaustive: tuple[str, ...] = ()
    """Categories of which not every instance is labelled (LVIS)."""


@dataclass(frozen=True)
class BoxesTarget:
    """Boxes to be found, in original pixels; empty where the right answer is 'No Objects'."""

    boxes_xyxy_px: tuple[BoxXYXY, ...]
    mask: Mask | None = None
    """The region that the boxes enclose, where the labels have one."""
    ignore: Mask | None = None
    """A region that counts neither for nor against an answer."""


@dataclass(frozen=True)
class ClassTarget:
    """A class name, and the names it was chosen from."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unlabelled:
    """Nobody has said what the right answer is: it can be asked for, and not be scored."""


Target = BoxesTarget | ClassTarget | Unlabelled


class Edit(Protocol):
    """A change of a picture's pixels, told by a few numbers: equal edits change a picture alike."""

    def pixels(self, image: Image.Image) -> Image.Image:
        """The changed picture; the given one stays as it is."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """One picture, one question, one target."""

    id: str
    """Unique within its list: the record's id and what is asked."""
    record_id: str
    image: Path
    image_wh: tuple[int, int]
    task: str
    """``detection``, ``classification`` or ``grounding``."""
    question: str
    """What the task asks about: a category, a kind of thing ('plant'), or an expression."""
    target: Target
    options: tuple[str, ...] = ()
    """Class names listed in the prompt (classification with closed naming)."""
    edits: tuple[Edit, ...] = ()
    """What is done to the picture after it is read; size and target are of the edited picture."""


class Fault(StrEnum):
    """What was wrong with an answer's text; an answer may have several."""

    EMPTY = "empty"
    NO_THINK = "no_think"
    NO_ANSWER_TAG = "no_answer_tag"
    REPEATED_TAG = "repeated_tag"
    OUTSIDE_TAGS = "outside_tags"
    NOT_READABLE = "not_readable"
    TRUNCATED = "truncated"
    BAD_BOX = "bad_box"
    BAD_CONFIDENCE = "bad_confidence"
    SEVERAL_BOXES = "several_boxes"
    UNKNOWN_LABEL = "unknown_label"
    OTHER_NOTATION = "other_notation"
    """Readable, but not in the notation that was asked for."""
    UNKNOWN_FRAME = "unknown_frame"
    """How coordinates are written, or the picture's size, is not known: nothing was converted."""


@dataclass(frozen=True)
class Answer:
    """What a model's text says, read once and judged everywhere by the same rules."""

    parsed: bool
    """An answer could be read: boxes, an abstention, or a class name."""
    formatted: bool
    """The text has exactly the demanded form, tags included, and its content reads without a fault."""
    boxes_xyxy_px: tuple[BoxXYXY, ...] = ()
    confidences: tuple[float, ...] = ()
    """One a box, in [0, 1]; 1.0 where the model gave none."""
    labels: tuple[str | None, ...] = ()
    """What the model called each box, as written; empty where no box was named."""
    points_xy_px: tuple[tuple[float, float], ...] = ()
    """Points that were given instead of boxes, in original pixels."""
    label: str | None = None
    """The class name as written, trimmed."""
    thinking: str = ""
    text: str = ""
    """The whole text as the model wrote it."""
    n_tokens: int | None = None
    """Its length in tokens, where it was sampled and not read from a file."""
    faults: tuple[Fault, ...] = ()
    box_spans: tuple[Span, ...] = field(default=(), compare=False)
    """Where in ``text`` each box stands, from the first of its four numbers to the last; ``NOWHERE`` for a
    box whose place is not known, empty where none is."""

    @property
    def abstained(self) -> bool:
        """The answer was read and names nothing."""
        return self.parsed and not self.boxes_xyxy_px and not self.points_xy_px and self.label is None


@dataclass(frozen=True)
class Rollout:
    """One sampled answer of a group."""

    token_ids: tuple[int, ...]
    """The sampled tokens, end token included where one was sampled."""
    logprobs: tuple[float, ...]
    """Log-probability of each under the policy that sampled it, at the sampling temperature."""
    text: str
    finished: bool
    """An end token was sampled before the length limit."""
    terms: dict[str, float] = field(default_factory=dict)
    """Raw reward terms, each in [0, 1]."""
    reward: float = 0.0
    """Weighted sum of the terms."""
    advantage: float = 0.0
    reward_failures: int = 0
    """Terms that could not be computed; each counts 0."""
    reward_clipped: int = 0
    """Terms of an unsafe setting that were brought into their range."""
