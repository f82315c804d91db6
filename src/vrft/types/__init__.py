"""The nouns of vrft, each one frozen dataclass. Nothing here imports torch."""

from vrft.types.actions import Action
from vrft.types.answers import NOWHERE, Answer, Fault, Span
from vrft.types.boxes_3d import Boxes3D
from vrft.types.coded import Coded
from vrft.types.examples import Example, Form
from vrft.types.frames import BoxXYXY, CoordinateFrame, FrameName, PointXY
from vrft.types.media import ColorShift, Image, Medium, PixelEdit, Video
from vrft.types.puzzle_edits import BlankBox, QuarterTurn, TileShuffle
from vrft.types.records import About, Annotation, Provides, Record, first_met, in_words, provided
from vrft.types.regions import ObjectRegion, RegionPrompt, Regions
from vrft.types.rollouts import (
    GREEDY,
    PLAIN,
    Clock,
    Completion,
    Failure,
    FinishReason,
    GateAnswer,
    Message,
    PartReward,
    Prediction,
    Prompt,
    Rollout,
    RolloutGroup,
    SampleSeed,
    SamplingParams,
    Turn,
    WrittenNumber,
    frames_of,
)
from vrft.types.texts import Names, Text
from vrft.types.tracks import Tracks
from vrft.types.value_kinds import Boxes, Label, Number, Permutation, Points, TimeSpan
from vrft.types.values import Mask, Shape, Value, ValueList, ValueSet, distinct, expect

__all__ = [
    "GREEDY",
    "NOWHERE",
    "PLAIN",
    "About",
    "Action",
    "Annotation",
    "Answer",
    "BlankBox",
    "BoxXYXY",
    "Boxes",
    "Boxes3D",
    "Clock",
    "Coded",
    "ColorShift",
    "Completion",
    "CoordinateFrame",
    "Example",
    "Failure",
    "Fault",
    "FinishReason",
    "Form",
    "FrameName",
    "GateAnswer",
    "Image",
    "Label",
    "Mask",
    "Medium",
    "Message",
    "Names",
    "Number",
    "ObjectRegion",
    "PartReward",
    "Permutation",
    "PixelEdit",
    "PointXY",
    "Points",
    "Prediction",
    "Prompt",
    "Provides",
    "QuarterTurn",
    "Record",
    "RegionPrompt",
    "Regions",
    "Rollout",
    "RolloutGroup",
    "SampleSeed",
    "SamplingParams",
    "Shape",
    "Span",
    "Text",
    "TileShuffle",
    "TimeSpan",
    "Tracks",
    "Turn",
    "Value",
    "ValueList",
    "ValueSet",
    "Video",
    "WrittenNumber",
    "distinct",
    "expect",
    "first_met",
    "frames_of",
    "in_words",
    "provided",
]
