"""What CheckedContractHandler declares."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Order(BaseModel):
    order_id: int


class Totalled(BaseModel):
    total: float


class Needs(BaseModel):
    first: Totalled


class Config(BaseModel):
    limit: int = 3
    does: list[Any]
