"""Class names of the audit's questions."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, tuple[str, ...]] = {
    "plant": (
        "rose", "pink primrose", "lenten rose", "desert-rose", "petunia", "mexican petunia", "marigold",
        "english marigold", "mallow", "tree mallow", "garden phlox", "sweet pea", "sweet william",
        "globe thistle",
    ),
    "aircraft": (
        "737-200", "737-300", "737-400", "737-800", "A320", "A321", "A330-200", "A330-300", "A340-300",
        "DC-9-30", "DC-10", "MD-11",
    ),
    "car": (
        "Audi S4 Sedan 2007", "Audi S4 Sedan 2012", "Audi S5 Coupe 2012", "BMW M3 Coupe 2012",
        "BMW 1 Series Coupe 2012", "BMW 1 Series Convertible 2012", "Ford F-150 Regular Cab 2007",
        "Ford F-150 Regular Cab 2012", "Dodge Caliber Wagon 2007", "Dodge Caliber Wagon 2012",
        "Honda Accord Coupe 2012", "Honda Accord Sedan 2012", "Volvo C30 Hatchback 2012",
        "Volvo XC90 SUV 2007",
    ),
}  # fmt: skip
"""Forty class names by kind of thing; as in fine-grained sets, many look alike and some contain others."""
ALL_NAMES = tuple(name for names in NAMES.values() for name in names)
KINDS = {name: kind for kind, names in NAMES.items() for name in names}
