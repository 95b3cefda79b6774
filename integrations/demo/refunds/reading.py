"""What can be seen in a request: its words, money and order numbers as plain features.

Standard library only. The trained parts of the agent judge these features; nothing
here decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

JSON = Mapping[str, Any]
Features = dict[str, str | float]

SIGN = r"€|\$|£|EUR|USD|GBP|CHF"
DIGITS = r"\d{1,3}(?:[., \u202f]\d{3})+(?:[.,]\d\d)?|\d+(?:[.,]\d\d)?"
MONEY = re.compile(
    rf"(?:{SIGN})\s?(?<![\d.,])({DIGITS})(?![\d])|(?<![\d.,#-])({DIGITS})(?:,-)?\s?(?:{SIGN})"
)
ORDER_NUMBER = re.compile(r"(?<!\d)\d{6}(?!\d)")
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Mention:
    """An amount that the text names, and the words around it."""

    amount: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What the agent sees of a case, taken apart once."""

    text: str
    orders: list[JSON]
    policy: JSON | None
    received: date
    mentions: tuple[Mention, ...]
    numbers: tuple[str, ...]
    words: frozenset[str]

    @classmethod
    def of(cls, data: JSON) -> Request:
        """Raises KeyError or ValueError when the case lacks what every request has."""
        text = spoken(data)
        return cls(
            text=text,
            orders=list(data["orders"]),
            policy=data.get("policy"),
            received=datetime.fromisoformat(data["received_at"]).date(),
            mentions=tuple(mentions(text)),
            numbers=tuple(ORDER_NUMBER.findall(text)),
            words=frozenset(WORD.findall(text.casefold())),
        )


def spoken(data: JSON) -> str:
    """The customer's own words, from the message or from the chat."""
    if "message" in data:
        return str(data["message"])
    return "\n".join(turn["content"] for turn in data["chat"] if turn["role"] == "customer")


def mentions(text: str) -> list[Mention]:
    found = []
    for match in MONEY.finditer(text):
        before = WORD.findall(text[: match.start()].casefold())[-5:]
        after = WORD.findall(text[match.end() :].casefold())[:4]
        words = (*(f"<{word}" for word in before), *(f">{word}" for word in after))
        found.append(Mention(number(match.group(1) or match.group(2)), words))
    return found


def number(written: str) -> float:
    """'1.234,50', '1,234.50' and '1 234,50' are all 1234.5; '1.234' is 1234."""
    whole, mark, cents = written[:-3], written[-3:-2], written[-2:]
    if mark not in {".", ","} or not whole:
        whole, cents = written, "0"
    return int(re.sub(r"\D", "", whole)) + int(cents) / 100


def distance(written: str, order_id: str) -> int:
    """How many digits differ from an order's number; two swapped ones count once."""
    pairs = [(a, b) for a, b in zip_longest(written, order_id[-6:]) if a != b]
    swapped = len(pairs) == 2 and pairs[0] == pairs[1][::-1]
    return 1 if swapped else len(pairs)


def nearest(request: Request, order: JSON) -> int:
    """The distance of the closest number in the text, at most 3; 9 when there is none."""
    found = [distance(written, order["order_id"]) for written in request.numbers]
    return min(3, *found) if found else 9


def named(request: Request, item: JSON) -> bool:
    """Whether the text has a telling word of the item's name."""
    return any(word in request.words for word in WORD.findall(item["name"].casefold()))


def named_share(request: Request, order: JSON) -> float:
    items = order["items"]
    return sum(named(request, item) for item in items) / len(items)


def equal(left: float, right: float) -> bool:
    return abs(left - right) < 0.005


# One feature set per question. Joined words stand for facts that count only together.


def text_features(request: Request) -> str:
    """The text, and what the records add to its meaning as made-up words."""
    paid = any(order["refunded"] for order in request.orders)
    money = min(len(request.mentions), 2)
    return f"{request.text} xrefunded{int(paid)} xmoney{money}"


def order_features(request: Request, order: JSON) -> Features:
    """Is this one of the orders that the customer means?"""
    others = [other for other in request.orders if other is not order]
    near = nearest(request, order)
    near_other = min((nearest(request, other) for other in others), default=9)
    share = named_share(request, order)
    share_other = max((named_share(request, other) for other in others), default=0)
    prices = [order["total"], *(item["price"] for item in order["items"])]
    priced = any(equal(m.amount, price) for m in request.mentions for price in prices)
    count = len(request.numbers)
    return {
        "near": f"{near}/{count}",
        "near to other": f"{near}/{near_other}/{count}",
        "named": f"{share:.1f}/{share_other:.1f}",
        "near, named": f"{near}/{share > 0}/{share_other > 0}/{count}",
        "priced": priced,
        "priced, near": f"{priced}/{near}",
        "orders": str(len(request.orders)),
        "only": not others,
    }


def amounts(request: Request, order: JSON) -> list[float]:
    """The amounts that could be meant for an order: its prices, and what the text names."""
    named_ones = (mention.amount for mention in request.mentions)
    prices = (item["price"] for item in order["items"])
    return list(dict.fromkeys([order["total"], *prices, *named_ones]))


def amount_features(request: Request, order: JSON, amount: float, orders: int) -> Features:
    """Is this the amount to pay back for the order? ``orders``: how many are meant."""
    total = equal(amount, order["total"])
    item = next((i for i in order["items"] if equal(i["price"], amount)), None)
    origin = "total" if total else "item" if item else "text"
    here = [mention for mention in request.mentions if equal(mention.amount, amount)]
    elsewhere = len(request.mentions) - len(here)
    share = named_share(request, order)
    size = "above" if amount > order["total"] + 0.005 else "within"
    subject = bool(item and named(request, item))
    features: Features = {
        "origin": f"{origin}/{bool(here)}/{min(elsewhere, 2)}",
        "size": f"{origin}/{size}/{orders}",
        "named": f"{origin}/{subject}/{share:.1f}/{len(order['items'])}",
        "named, here": f"{origin}/{subject}/{share:.1f}/{bool(here)}",
        "orders": f"{origin}/{orders}/{bool(here)}/{min(elsewhere, 2)}",
    }
    features |= {word: 1.0 for mention in here for word in mention.words}
    return features


def policy_features(request: Request, reason: str, orders: list[JSON]) -> Features:
    """Does the shop's policy cover the refund?"""
    if request.policy is None:
        return {"policy": "none"}
    oldest = min(date.fromisoformat(order["placed_on"]) for order in orders)
    days = (request.received - oldest).days
    in_time = days <= request.policy["window_days"]
    return {"policy": "there", "reason": reason, "in time": f"{in_time}/{reason}"}
