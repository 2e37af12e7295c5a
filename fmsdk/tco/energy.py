"""Energy and carbon: kilowatt-hours, joules of a token, kilograms of CO₂ equivalent."""

from __future__ import annotations

from decimal import Decimal

from fmsdk.tco.figures import Figure, to_decimal

__all__ = ["carbon", "energy", "joules_per_token", "parity"]


def energy(watts: Figure, hours: Figure, *, pue: Figure = 1) -> Decimal:
    """Kilowatt-hours: watts × hours × PUE ÷ 1000 (LLaMA, arXiv 2302.13971, section 6)."""
    power = to_decimal("watts", watts) * to_decimal("pue", pue, least=1)
    return power * to_decimal("hours", hours) / 1000


def joules_per_token(watts: Figure, tokens_per_second: Figure) -> Decimal:
    """Joules that a token takes at a steady rate: watts ÷ tokens a second (ML.ENERGY)."""
    rate = to_decimal("tokens_per_second", tokens_per_second, is_open=True)
    return to_decimal("watts", watts) / rate


def carbon(kilowatt_hours: Figure, kilograms_per_kwh: Figure) -> Decimal:
    """Kilograms of CO₂ equivalent, by the intensity of the grid."""
    intensity = to_decimal("kilograms_per_kwh", kilograms_per_kwh)
    return to_decimal("kilowatt_hours", kilowatt_hours) * intensity


def parity(adaptation: Figure, per_request: Figure) -> Decimal:
    """Requests after which they have taken as much (energy, or dollars) as the making of the model
    (Luccioni et al., arXiv 2311.16863, Table 5)."""
    return to_decimal("adaptation", adaptation) / to_decimal(
        "per_request", per_request, is_open=True
    )
