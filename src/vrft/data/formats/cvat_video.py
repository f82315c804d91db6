"""Tracks of CVAT's own XML, ``CVAT for video 1.1``, with the frames of the video as images.

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat. A frame has its number in the video,
from 0, and its file the same (``images/frame_000012.png``). As in CVAT, a box moves in a straight line
between the frames that have one, a thing is not seen where it is ``outside``, and stays to the end after its
last box. An ``occluded`` box is one as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from vrft.data.dataset import Dataset
from vrft.data.formats.cvat_xml import box_corners, cvat_files
from vrft.data.formats.xml_files import Markup, read_markup
from vrft.data.images import holds, image_size_wh, is_image
from vrft.data.label_checks import CATEGORY_TRACKS, Mistakes, parts_by_folder, raise_all, record_id, some
from vrft.data.scalars import flag, whole
from vrft.data.sequences import KeyFrame, between_keys, numbered_images
from vrft.errors import ImageError, LabelError
from vrft.types import Annotation, Image, Provides, Record, Tracks
from vrft.types.tracks import TrackBox


class CvatVideoReader:
    """Boxes that are followed through a video."""

    name, in_files = "cvat_video", True
    provides: Mapping[Provides, str] = {
        CATEGORY_TRACKS: "an annotations.xml of CVAT ('CVAT for video 1.1') and the frames in a folder images"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({CATEGORY_TRACKS} if cvat_files(path, tracks=True) else ())

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record per file, with one annotation per track."""
        root, mistakes = path.parent if path.is_file() else path, Mistakes()
        records: dict[str, Record] = {}
        for file in cvat_files(path, tracks=True):
            with mistakes.kept():
                record = _record(read_markup(file), root, mistakes)
                if record.id in records:
                    raise ImageError("Another file labels the same frames.", str(file), "Remove one of them.")
                records[record.id] = record
        if not records:
            raise_all(mistakes)
        listed, left_out, fixed = tuple(records.values()), tuple(mistakes), tuple(mistakes.fixed)
        parts = parts_by_folder(listed)
        return Dataset(root, self.name, listed, (), parts, left_out=left_out, fixed=fixed)


def _record(sheet: Markup, root: Path, mistakes: Mistakes) -> Record:
    folder = _folder(sheet)
    tracks = [(track, [whole(box.get("frame")) for box in track]) for track in sheet.root.findall("track")]
    labelled = _labelled(sheet.root, {n for _, frames in tracks for n in frames if n is not None})
    files = {n: file for n, file in numbered_images(folder).items() if labelled is None or n in labelled}
    if not files:
        problem = f"None of its images has a number from {labelled}, which are labelled."
        raise ImageError(problem, str(folder), "Give each frame its number in the video as its name.")
    media = {number: Image(file, image_size_wh(file)) for number, file in files.items()}
    found: list[Annotation] = []
    for track, frames in tracks:
        with mistakes.kept():
            found.append(_track(track, frames, media, sheet, mistakes))
    name = record_id(folder, root)
    return Record(root.resolve().name if name == "." else name, tuple(media.values()), tuple(found))


def _folder(sheet: Markup) -> Path:
    """Where the frames are: in ``images``, in a folder with the name of the file or video, or next to it."""
    here = sheet.file.parent
    named = [PurePosixPath(one.text or "").stem for one in sheet.root.iterfind("meta//source")]
    folders = [here / name for name in ("images", sheet.file.stem, *filter(None, named))]
    return next((one for one in folders if one.is_dir() and holds(one, is_image)), here)


def _labelled(root: ElementTree.Element, frames: set[int]) -> range | None:
    """The frames that were labelled, as the file says it; None where it does not, or contradicts itself."""
    said = {tag: root.findtext(f"meta//{tag}") or "" for tag in ("start_frame", "stop_frame", "frame_filter")}
    start, stop = whole(said["start_frame"]), whole(said["stop_frame"])
    step = whole(said["frame_filter"].rpartition("=")[2]) or 1
    found = range(start, stop + 1, step) if start is not None and stop is not None and step > 0 else None
    return found if found is not None and frames <= {*found} else None


def _track(
    track: ElementTree.Element,
    frames: list[int | None],
    media: Mapping[int, Image],
    sheet: Markup,
    mistakes: Mistakes,
) -> Annotation:
    where, label, name = sheet.where(track), (track.get("label") or "").strip(), track.get("id") or ""
    if not label:
        raise LabelError("The track has no label.", where, "Give it one.")
    if other := next((shape.tag for shape in track if shape.tag != "box"), None):
        raise LabelError(f"The track is of the kind '{other}'; only boxes are read.", where, "Use boxes.")
    keys = [_key(box, number, sheet) for box, number in zip(track, frames, strict=True)]
    if len({key.number for key in keys}) < len(keys):
        raise LabelError("The track has two boxes in one frame.", where, "Remove one of them.")
    if without := sorted({key.number for key in keys if key.is_seen} - media.keys()):
        problem = f"The track has boxes in frames that have no image: {some([*map(str, without)])}."
        mistakes.fixed.append(LabelError(problem, where, "Put the images back; their names are numbers."))
    rows: list[TrackBox] = []
    for number, (x1, y1, x2, y2) in between_keys(keys, max(media)).items():
        if number in media:
            width, height = media[number].size_wh
            box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
            # What moves out of the image is not seen there.
            rows += [(number, name, *box)] if box[0] < box[2] and box[1] < box[3] else []
    if not rows:
        raise LabelError("The track has no box inside of an image.", where, "Fix or remove it.")
    return Annotation("category", label, Tracks(tuple(rows), tuple(media)))


def _key(box: ElementTree.Element, number: int | None, sheet: Markup) -> KeyFrame:
    where = sheet.where(box)
    try:
        x1, y1, x2, y2 = box_corners(box)
    except ValueError as error:
        raise LabelError(f"The box has no place ({error}).", where, "Fix or remove it.") from error
    if number is None or x1 >= x2 or y1 >= y2:
        what = "number of its frame" if number is None else "area"
        raise LabelError(f"The box has no {what}.", where, "Fix or remove it.")
    return KeyFrame(number, (x1, y1, x2, y2), is_seen=not flag(box.get("outside"), "outside", where))


READER = CvatVideoReader()
