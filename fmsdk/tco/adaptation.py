"""What adapting a model costs, and what of it falls on each request."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from fmsdk.errors import BadRequestError
from fmsdk.tco.figures import Figure, to_decimal

__all__ = ["Adaptation", "Method", "training_hours"]

Method = Literal["full", "lora", "qlora"]
# Floating-point operations for each parameter and token: 2 forward, 2 backward through the
# activations, and 2 for the gradients of the weights (Kaplan et al., arXiv 2001.08361, 2.1). LoRA
# leaves out the last for the weights that it freezes (arXiv 2106.09685); QLoRA as well, and
# computes with weights that it expands from 4 bits (arXiv 2305.14314), which costs time rather than
# operations.
_OPERATIONS = {"full": 6, "lora": 4, "qlora": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """The making of a model that then answers `requests` requests.

    gpu_hours: of the run that gave the model. price_per_hour: dollars for one of them.
    failed_hours: hours of runs that were thrown away. evaluation_hours: hours to judge the results.
    data, staff: dollars.

    Raises:
        BadRequestError: a figure is no number, or out of its bounds.
    """

    gpu_hours: Figure
    price_per_hour: Figure
    requests: Figure
    failed_hours: Figure = 0
    evaluation_hours: Figure = 0
    data: Figure = 0
    staff: Figure = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "requests", to_decimal("requests", self.requests, is_open=True))
        names = ("gpu_hours", "price_per_hour", "failed_hours", "evaluation_hours", "data", "staff")
        for name in names:
            object.__setattr__(self, name, to_decimal(name, getattr(self, name)))

    @property
    def lines(self) -> dict[str, Decimal]:
        """Dollars by what they are paid for."""
        price = Decimal(self.price_per_hour)
        lines = {
            "training": Decimal(self.gpu_hours) * price,
            "failed runs": Decimal(self.failed_hours) * price,
            "evaluation": Decimal(self.evaluation_hours) * price,
            "data": Decimal(self.data),
            "staff": Decimal(self.staff),
        }
        return {name: amount for name, amount in lines.items() if amount}

    @property
    def total(self) -> Decimal:
        """Dollars for all of it."""
        return sum(self.lines.values(), Decimal(0))

    @property
    def per_request(self) -> Decimal:
        """Dollars that fall on each request."""
        return self.total / Decimal(self.requests)


def training_hours(
    method: Method,
    *,
    parameters: Figure,
    tokens: Figure,
    tflops: Figure,
    efficiency: Figure,
) -> Decimal:
    """GPU hours of a training run, by its floating-point operations.

    Args:
        method: "full", "lora" or "qlora".
        parameters: of the model. tokens: of the data, times the passes over them.
        tflops: what the GPU's maker promises, in 10¹² operations a second.
        efficiency: the share of it that training reaches; 0.3 to 0.5 is usual.

    Raises:
        BadRequestError: the method is unknown, or a figure out of its bounds.
    """
    if method not in _OPERATIONS:
        raise BadRequestError(f"method is one of {', '.join(get_args(Method))}, not {method!r}")
    operations = (
        _OPERATIONS[method]
        * to_decimal("parameters", parameters, is_open=True)
        * to_decimal("tokens", tokens, is_open=True)
    )
    speed = to_decimal("tflops", tflops, is_open=True) * 10**12
    return operations / (speed * to_decimal("efficiency", efficiency, most=1, is_open=True)) / 3600
