"""What routing is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a SKU that a line of the order asks for; several lines may ask for one SKU.

    Attributes:
        line: The caller's handle, different for each line.
        quantity: Units, ≥ 0.
    """

    line: int
    sku: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a location holds of a SKU, at most one per SKU and location.

    Attributes:
        available: Saleable, unexpired, unreserved units; a negative number counts as none.
        expected_demand: Units that the location itself is expected to be asked for before its next receipt, ≥ 0.
    """

    sku: int
    location: int
    available: int
    expected_demand: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """A location that may serve the order.

    Attributes:
        code: What people call it; codes decide between routes that are otherwise equal.
        parcel_cost_minor: Sending one parcel from there to the order's destination, minor units, ≥ 0.
        transit_days: From the decision to the delivery, ≥ 0; may be a fraction.
    """

    location: int
    code: str
    parcel_cost_minor: int
    transit_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What parcels are weighed against, in minor units of the company's currency.

    The defaults are a convention for currencies with cents, to be set to the company's own costs.

    Attributes:
        scarcity_minor: Cost of taking a unit that its location is expected to need itself, ≥ 0.
        late_day_minor: Cost of each day that a parcel comes after the promised one, ≥ 0.
    """

    scarcity_minor: int = 150
    late_day_minor: int = 300

    def __post_init__(self) -> None:
        for name in ("scarcity_minor", "late_day_minor"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one line that one location sends."""

    line: int
    location: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Route:
    """Who sends what, and what it costs in minor units.

    Attributes:
        parts: In the order of the lines, those of one line by location code.
        short: (line, units) that no location can give now; lines that came first are served first.
        locations: Those that send, by code; each sends one parcel.
        cost_minor: The sum of the three that follow.
        parcel_minor: For the parcels.
        late_minor: For their days after the promised one.
        scarcity_minor: For units that their locations are expected to need themselves.
    """

    parts: tuple[Part, ...]
    short: tuple[tuple[int, int], ...]
    locations: tuple[int, ...]
    parcels: int
    cost_minor: int
    parcel_minor: int
    late_minor: int
    scarcity_minor: int


@dataclass(frozen=True, slots=True)
class Routing:
    """The route chosen and what it was chosen over.

    Attributes:
        next_best: Of the routes that serve as many units from another set of locations, the one with the least
            cost, then the fewest parcels; None where there is none.
        reason: One clause or two for people.
        proven: No route that serves as many units costs less than `chosen`.
        next_proven: Nor does one from another set of locations cost less than `next_best`.
    """

    chosen: Route
    next_best: Route | None
    reason: str
    proven: bool = True
    next_proven: bool = True
