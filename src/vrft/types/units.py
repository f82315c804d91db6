"""Units of measured numbers: their names, and which is how many of which.

A number says a unit of one quantity, such as a length; between units of one quantity it can be converted.
Degrees Celsius and Fahrenheit are no multiples of each other, so each stands alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple


class Unit(NamedTuple):
    """One unit of a quantity."""

    symbol: str
    quantity: str
    factor: Decimal
    """How many of the quantity's base unit it is."""
    is_word: bool
    """It is spelt as a word that may also name things: 'feet', 'pounds', 'points'."""


_PI = Decimal(repr(math.pi))
_TABLE: Mapping[str, tuple[tuple[str, str | Decimal, str], ...]] = {
    "length": (
        ("nm", "1e-9", "nanometer nanometers nanometre nanometres"),
        ("µm", "1e-6", "um micrometer micrometers micrometre micrometres micron microns"),
        ("mm", "0.001", "millimeter millimeters millimetre millimetres"),
        ("cm", "0.01", "centimeter centimeters centimetre centimetres"),
        ("dm", "0.1", "decimeter decimeters decimetre decimetres"),
        ("m", "1", "meter meters metre metres"),
        ("km", "1000", "kilometer kilometers kilometre kilometres kms"),
        ("in", "0.0254", '" ″ ” inch inches'),
        ("ft", "0.3048", "' ′ ’ foot feet"),
        ("yd", "0.9144", "yds yard yards"),
        ("mi", "1609.344", "mile miles"),
        ("nmi", "1852", ""),
    ),
    "area": (
        ("mm²", "1e-6", "mm2 mm^2"),
        ("cm²", "1e-4", "cm2 cm^2"),
        ("m²", "1", "m2 m^2 sqm"),
        ("km²", "1e6", "km2 km^2"),
        ("in²", "0.00064516", "in2 in^2"),
        ("ft²", "0.09290304", "ft2 ft^2 sqft"),
        ("ha", "1e4", "hectare hectares"),
        ("acre", "4046.8564224", "acres"),
    ),
    "volume": (
        ("ml", "1e-6", "milliliter milliliters millilitre millilitres"),
        ("cl", "1e-5", "centiliter centiliters centilitre centilitres"),
        ("dl", "1e-4", "deciliter deciliters decilitre decilitres"),
        ("l", "0.001", "liter liters litre litres"),
        ("mm³", "1e-9", "mm3 mm^3"),
        ("cm³", "1e-6", "cm3 cm^3 cc"),
        ("m³", "1", "m3 m^3"),
    ),
    "mass": (
        ("mg", "1e-6", "milligram milligrams"),
        ("g", "0.001", "gram grams gramme grammes"),
        ("kg", "1", "kgs kilo kilos kilogram kilograms kilogramme kilogrammes"),
        ("t", "1000", "tonne tonnes"),
        ("oz", "0.028349523125", "ounce ounces"),
        ("lb", "0.45359237", "lbs pound pounds"),
    ),
    "time": (
        ("ms", "0.001", "msec millisecond milliseconds"),
        ("s", "1", "sec secs second seconds"),
        ("min", "60", "mins minute minutes"),
        ("h", "3600", "hr hrs hour hours"),
        ("d", "86400", "day days"),
        ("wk", "604800", "week weeks"),
    ),
    "angle": (
        ("°", "1", "deg degs degree degrees"),
        ("rad", Decimal(180) / _PI, "radian radians"),
        ("turn", "360", "turns"),
    ),
    "speed": (
        ("m/s", "1", ""),
        ("km/h", Decimal(1000) / Decimal(3600), "kph kmh"),
        ("mph", "0.44704", ""),
    ),
    "share": (("1", "1", ""), ("%", "0.01", "percent pct"), ("‰", "0.001", "permille")),
    "pixels": (("px", "1", "pixel pixels"),),
    "temperature in °C": (("°C", "1", "celsius"),),
    "temperature in °F": (("°F", "1", "fahrenheit"),),
    "temperature in K": (("K", "1", "kelvin"),),
    "dollars": (("$", "1", "usd dollar dollars"),),
    "euros": (("€", "1", "eur euro euros"),),
    "pounds": (("£", "1", "gbp"),),
    "yen": (("¥", "1", "jpy yen"),),
}
_SQUARED = {"square": "²", "sq": "²", "cubic": "³", "cu": "³"}


@cache
def _units() -> Mapping[str, Unit]:
    found: dict[str, Unit] = {}
    for quantity, rows in _TABLE.items():
        for symbol, factor, names in rows:
            made = Unit(symbol, quantity, Decimal(factor), False)
            found[symbol] = made
            for name in names.split():
                found[name] = made._replace(is_word=name.isalpha() and len(name) > 3)
    # Of one letter only as spelt: k is no kelvin.
    return {**{name.casefold(): unit for name, unit in found.items() if len(name) > 1}, **found}


def unit_of(name: str) -> Unit | None:
    """A unit by any of its names; None where it is not known.

    Example:
        >>> unit_of("centimetres").symbol, unit_of("sq m").symbol, unit_of("furlong")
        ('cm', 'm²', None)
    """
    name = name.strip().rstrip(".")
    power, _, base = name.replace("-", " ").partition(" ")
    raised = _SQUARED.get(power.casefold().rstrip("."))
    if base and raised:
        plain = unit_of(base)
        return plain and _units().get(plain.symbol + raised)
    return _units().get(name) or _units().get(name.casefold())


def same_unit(one: str, other: str) -> bool:
    """Whether two names are of one unit.

    Example:
        >>> same_unit("m", "metres"), same_unit("m", "cm"), same_unit("furlong", "furlong")
        (True, False, True)
    """
    first, second = unit_of(one), unit_of(other)
    return one == other or (first is not None and second is not None and first.symbol == second.symbol)


def unit_names() -> list[str]:
    """All names of units, the longest first."""
    return sorted(_units(), key=lambda name: (-len(name), name))


def converted(number: Decimal, unit: str, to: str) -> Decimal | None:
    """A number of one unit in another; None where they are of different quantities, or one is not known.

    Units of the same spelling need not be known.

    Example:
        >>> float(converted(Decimal(180), "cm", "m")), float(converted(Decimal(1), "ft", "inches"))
        (1.8, 12.0)
        >>> converted(Decimal(20), "kg", "m") is None
        True
    """
    if same_unit(unit, to):
        return number
    one, other = unit_of(unit), unit_of(to)
    if one is None or other is None or one.quantity != other.quantity:
        return None
    return number * one.factor / other.factor
