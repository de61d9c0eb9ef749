"""The service as a FastAPI application on uvicorn, with uvloop and httptools."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.payload import ITEMS


class Question(BaseModel):
    """As the contract's arguments."""

    customer: str
    number: str


class Item(BaseModel):
    """As the message of that name."""

    sku: str
    title: str
    cents: int
    stock: int


class Order(BaseModel):
    """As the message of that name."""

    number: str
    customer: str
    total: int
    paid: bool
    items: list[Item]


app = FastAPI()
_ITEMS = [Item(sku=it.sku, title=it.title, cents=it.cents, stock=it.stock) for it in ITEMS]


@app.post("/order")
async def order(question: Question) -> Order:
    """Return the order."""
    return Order(number=question.number, customer=question.customer, total=5202, paid=True, items=_ITEMS)


async def serve(address: str) -> None:
    """Answer until cancelled."""
    config = uvicorn.Config(app, uds=address, log_level="warning", access_log=False, timeout_keep_alive=600)
    await uvicorn.Server(config).serve()
