"""Synthetic refund requests of an invented shop, the same for the same seed.

Every request is made alone from ``seed`` and ``index``, so any can be made again. The
traits say what makes it hard; the demo's ``README.md`` lists them. ``truth`` is
what a careful person with the shop's rules would enter; it is never part of the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from integrations.demo.refunds.wording import Writer, misread, read, slip

ARRIVING, TRAINING = 2026, 7
"""The seeds of what becomes cases and of what the agent learns from."""

CASES, RESERVE = 2200, 400
"""So many requests arrive when the demo is set up; so many more one by one while it runs."""

REASONS = ["damaged", "wrong_item", "not_received", "late", "changed_mind", "charged_twice"]
WINDOW_MATTERS = {"late", "changed_mind"}
"""The other reasons are covered however long ago the order was."""

FIRST = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    key: str
    data: JSON
    truth: JSON
    traits: frozenset[str]


def generate(seed: int, count: int, *, unseen: bool) -> Iterator[Request]:
    """The first ``count`` requests of a seed; ``unseen`` allows wording kept from training."""
    return (Draft(seed, index, unseen=unseen).request() for index in range(count))


def arriving(count: int = CASES) -> Iterator[Request]:
    """The requests that become cases; more than ``CASES`` are those of the reserve."""
    return generate(ARRIVING, count, unseen=True)


@dataclass
class Draft:
    """One request in the making. The order of the draws is part of the format."""

    seed: int
    index: int
    unseen: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed}/{self.index}")  # noqa: S311 no secret
        self.traits: set[str] = set()
        self.received = FIRST + timedelta(minutes=53 * self.index + self.random.randint(0, 50))
        self.country = self.pick_country()
        language, self.currency, _ = read("shop.yaml")["countries"][self.country]
        self.writer = Writer(self.random, language, self.currency, self.unseen)
        self.customer = self.random.choice(read("shop.yaml")["names"])
        self.orders = self.make_orders()
        self.reason = self.random.choice(REASONS)
        self.kind = self.random.choices(["refund", "question", "duplicate"], [79, 14, 7])[0]
        self.unrecorded = self.kind == "duplicate" and self.has("not_on_record", 0.4)
        self.meant = self.pick_meant()
        self.asked = [self.pick_lines(order) for order in self.meant]
        self.share = 1.0

    # What the shop knows

    def has(self, trait: str, share: float) -> bool:
        """Draw whether the request has a trait, and note it."""
        drawn = self.random.random() < share
        if drawn:
            self.traits.add(trait)
        return drawn

    def pick_country(self) -> str:
        countries: dict[str, Any] = read("shop.yaml")["countries"]
        weights = [share for _, _, share in countries.values()]
        return self.random.choices(list(countries), weights)[0]

    def make_orders(self) -> list[JSON]:
        sizes = self.random.choices(
            [[1], [2], [3], [1, 1], [2, 1], [1, 2, 1], [1, 1, 1, 1]], [34, 14, 6, 20, 12, 9, 5]
        )[0]
        skus = self.pick_products(sum(sizes))
        return [self.make_order([skus.pop() for _ in range(size)]) for size in sizes]

    def pick_products(self, count: int) -> list[str]:
        """Different products, cheap ones more often. Each appears once per customer."""
        products = read("shop.yaml")["products"]
        drawn = sorted((self.random.random() * (180 + products[sku][0]), sku) for sku in products)
        chosen = [sku for _, sku in drawn[:count]]
        self.random.shuffle(chosen)
        return chosen

    def make_order(self, skus: list[str]) -> JSON:
        items = [self.make_item(sku) for sku in skus]
        placed = self.received.date() - timedelta(days=self.random.randint(2, 70))
        return {
            "order_id": f"KF-{self.random.randint(100000, 999999)}",
            "placed_on": placed.isoformat(),
            "currency": self.currency,
            "items": items,
            "total": round(sum(item["price"] for item in items), 2),
            "refunded": 0.0,
        }

    def make_item(self, sku: str) -> JSON:
        price, name, *_ = read("shop.yaml")["products"][sku]
        discount = self.random.choice([1, 1, 1, 0.95, 0.9, 0.8])
        return {"sku": sku, "name": name, "price": round(price * discount, 2)}

    # What the customer wants

    def pick_meant(self) -> list[JSON]:
        wants_two = self.kind == "refund" and len(self.orders) > 1
        if wants_two and self.has("two_orders", 0.18):
            return self.random.sample(self.orders, 2)
        return [self.random.choice(self.orders)]

    def pick_lines(self, order: JSON) -> list[JSON]:
        items: list[JSON] = order["items"]
        if len(items) > 1 and len(self.meant) == 1 and self.has("one_item", 0.5):
            return [self.random.choice(items)]
        return items

    def due(self) -> list[JSON]:
        """What is to be paid back for each order that is meant."""
        amounts = [sum(item["price"] for item in lines) * self.share for lines in self.asked]
        return [
            {"order_id": order["order_id"], "amount": round(amount, 2)}
            for order, amount in zip(self.meant, amounts, strict=True)
        ]

    # What the customer writes

    def sentences(self) -> list[str]:
        """The body of the message. Draws the traits that depend on the kind."""
        writer = self.writer
        item = writer.names([item["sku"] for lines in self.asked for item in lines])
        if self.kind == "question":
            said = [writer.say("question", item=item)]
            return [self.number(), *said] if self.random.random() < 0.5 else said
        body = [writer.say(self.reason, item=item)]
        if len(self.meant) == 2 or not self.has("no_number", 0.15):
            body.insert(self.random.randint(0, 1), self.number())
        if self.has("aside", 0.12):
            body.append(writer.say("aside"))
        body.append(self.ask(item))
        if self.has("other_money", 0.15):
            stated = round(self.random.uniform(4, 90), 2)
            remark = writer.say("other_money", amount=writer.money(stated))
            body.insert(self.random.randint(1, len(body)), remark)
        if self.has("says_again", self.chance_of_again()):
            body.insert(0, writer.say("again"))
        return body

    def chance_of_again(self) -> float:
        """Who repeats a request mostly says so; some who do not repeat it say so too."""
        if self.kind == "duplicate":
            return 0.4 if self.unrecorded else 0.95
        return 0.03

    def number(self) -> str:
        recalled = [self.as_recalled(order["order_id"]) for order in self.meant]
        written = [self.writer.order_number(order_id) for order_id in recalled]
        if len(written) == 2:
            return self.writer.say("two_orders", order=written[0], other=written[1])
        return self.writer.say("order", order=written[0])

    def as_recalled(self, order_id: str) -> str:
        return misread(order_id, self.random) if self.has("wrong_number", 0.1) else order_id

    def ask(self, item: str) -> str:
        writer, amounts = self.writer, [line["amount"] for line in self.due()]
        if len(amounts) == 2:
            first, second, both = map(writer.money, (*amounts, round(sum(amounts), 2)))
            if self.random.random() < 0.6:
                return writer.say("ask_each", amount=first, second=second)
            return writer.say("ask_amount", amount=both)
        if "one_item" in self.traits and self.random.random() < 0.4:
            return writer.say("ask_item", item=item)
        if self.has("asks_half", 0.03):
            self.share = 0.5
            return writer.say("ask_half")
        if self.has("no_amount", 0.25):
            return writer.say("ask")
        return writer.say("ask_amount", amount=writer.money(self.stated(amounts[0])))

    def stated(self, price: float) -> float:
        """The amount asked for. Who asks for less gets that; for more, what was paid."""
        if self.has("asks_more", 0.06):
            return round(price * self.random.uniform(1.05, 1.9), 2)
        if self.has("asks_less", 0.06):
            self.share = self.random.randint(30, 90) / 100
        return float(self.due()[0]["amount"])

    def instruction(self) -> str:
        wanted = float(self.random.choice([50, 200, 500, 999, 1500, 5000]))
        told = self.writer.say("instruction", amount=self.writer.money(wanted))
        return "\u200b".join(told) if self.has("hidden_characters", 0.1) else told

    # The request as it arrives

    def request(self) -> Request:
        body = self.sentences()
        if self.has("instructed", 0.04):
            body.insert(self.random.randint(0, len(body)), self.instruction())
        if self.has("typos", 0.3):
            body = [slip(sentence, self.random) for sentence in body]
        data = self.frame()
        if data["channel"] == "chat":
            data["chat"] = self.chat(body)
        else:
            data["message"] = self.letter(body)
        return Request(data["reference"], data, self.truth(data), frozenset(self.traits))

    def frame(self) -> JSON:
        """Everything but the words. A repeated request usually shows what was paid."""
        earlier = []
        if self.kind == "duplicate":
            earlier = [f"RR-{self.random.randint(80000, 99999)}"]
            if not self.unrecorded:
                for line, order in zip(self.due(), self.meant, strict=True):
                    order["refunded"] = line["amount"]
        data: JSON = {
            "reference": f"RR-{self.index + 1:05d}",
            "received_at": self.received.isoformat(),
            "channel": self.random.choices(["email", "form", "chat"], [60, 25, 15])[0],
            "customer": {"name": self.customer, "country": self.country, "earlier": earlier},
            "orders": self.orders,
            "paid_total": round(sum(order["total"] for order in self.orders), 2),
        }
        if not self.has("no_policy", 0.04):
            days = self.random.choice([14, 30, 30, 60])
            data["policy"] = {"name": "Returns", "window_days": days}
        return data

    def letter(self, body: list[str]) -> str:
        name = self.writer.say("sign_off", name=self.customer)
        return "\n\n".join([self.writer.say("greeting"), " ".join(body), name])

    def chat(self, body: list[str]) -> list[JSON]:
        opening, *rest = body
        turns = [("assistant", self.writer.fixed("bot_hello")), ("customer", opening)]
        turns += [("assistant", self.writer.fixed("bot_order"))] if rest else []
        turns += [("customer", sentence) for sentence in rest]
        turns += [("assistant", self.writer.fixed("bot_thanks"))]
        return [{"role": role, "content": content} for role, content in turns]

    # What is true

    def truth(self, data: JSON) -> JSON:
        due = self.due() if self.kind == "refund" else []
        return {
            "kind": self.kind,
            "orders": due,
            "amount": round(sum((line["amount"] for line in due), 0.0), 2),
            "currency": self.currency,
            "reason": "none" if self.kind == "question" else self.reason,
            "policy": self.ruling(data) if self.kind == "refund" else "not_needed",
            "instructed": "instructed" in self.traits,
        }

    def ruling(self, data: JSON) -> str:
        if "policy" not in data:
            return "missing"
        oldest = min(date.fromisoformat(order["placed_on"]) for order in self.meant)
        age = (self.received.date() - oldest).days
        in_time = self.reason not in WINDOW_MATTERS or age <= data["policy"]["window_days"]
        return "covered" if in_time else "expired"
