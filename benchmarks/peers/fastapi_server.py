"""The service as a FastAPI application on uvicorn, with uvloop and httptools."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.payload import ITEMS, ROWS


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


class Row(BaseModel):
    """As the message of that name."""

    number: str
    customer: str
    title: str
    note: str
    cents: int
    paid: bool


class Page(BaseModel):
    """As the message of that name."""

    rows: list[Row]


app = FastAPI()
_ITEMS = [Item(sku=it.sku, title=it.title, cents=it.cents, stock=it.stock) for it in ITEMS]
_ROWS = [
    Row(number=it.number, customer=it.customer, title=it.title, note=it.note, cents=it.cents, paid=it.paid)
    for it in ROWS
]


@app.post("/order")
async def order(question: Question) -> Order:
    """Return the order."""
    return Order(number=question.number, customer=question.customer, total=5202, paid=True, items=_ITEMS)


@app.post("/page")
async def page(question: Question) -> Page:
    """Return the page."""
    return Page(rows=_ROWS)


async def serve(address: str) -> None:
    """Answer until cancelled."""
    config = uvicorn.Config(app, uds=address, log_level="warning", access_log=False, timeout_keep_alive=600)
    await uvicorn.Server(config).serve()
