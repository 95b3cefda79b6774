"""How invented customers write: languages, money, order numbers, slips of the pen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

HERE = Path(__file__).parent
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF"}
AND = {"en": "and", "de": "und", "fr": "et"}


@cache
def read(name: str) -> Mapping[str, Any]:
    """One of the YAML files beside this module."""
    content: Mapping[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return content


def bare(amount: float) -> str:
    """1234.5 -> '1,234.50', the American way."""
    return f"{amount:,.2f}"


def continental(amount: float, thousands: str = ".") -> str:
    """1234.5 -> '1.234,50', the way of most of Europe."""
    return bare(amount).translate({ord(","): thousands, ord("."): ","})


WRITTEN: dict[str, list[Callable[[float, str], str]]] = {
    "en": [
        lambda amount, code: f"{SIGNS[code]}{bare(amount)}",
        lambda amount, code: f"{bare(amount)} {code}",
        lambda amount, code: f"{code} {amount:.2f}",
        lambda amount, code: f"{SIGNS[code]} {amount:.2f}",
    ],
    "de": [
        lambda amount, code: f"{continental(amount)} {SIGNS[code]}",
        lambda amount, code: f"{continental(amount)} {code}",
        lambda amount, code: f"{continental(amount, '')}{SIGNS[code]}",
        lambda amount, code: f"{SIGNS[code]} {continental(amount, '')}",
    ],
    "fr": [
        lambda amount, code: f"{continental(amount, chr(0x202F))} {SIGNS[code]}",
        lambda amount, code: f"{continental(amount, ' ')} {code}",
        lambda amount, code: f"{continental(amount, '')}{SIGNS[code]}",
        lambda amount, code: f"{continental(amount, ' ')} {SIGNS[code]}",
    ],
}


def whole(amount: float, language: str, sign: str) -> str:
    """An amount without cents, as people shorten it: '49,- €' or '1.200 €'."""
    digits = bare(amount)[:-3]
    if language == "en":
        return f"{sign}{digits}"
    if language == "fr":
        return f"{digits.replace(',', ' ')} {sign}"
    return f"{digits},- {sign}" if amount < 1000 else f"{digits.replace(',', '.')} {sign}"


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody who writes in one language. ``unseen`` opens the last quarter of each list."""

    random: Random
    language: str
    currency: str
    unseen: bool

    def say(self, topic: str, **values: str) -> str:
        phrases: list[str] = read("phrases.yaml")[self.language][topic]
        known = phrases if self.unseen else phrases[: -(-len(phrases) * 3 // 4)]
        said = self.random.choice(known).format(**values)
        return said[0].upper() + said[1:]

    def fixed(self, topic: str) -> str:
        """What the shop's chat program says: always the same words."""
        return str(read("phrases.yaml")[self.language][topic])

    def money(self, amount: float) -> str:
        """The amount as this person writes it; now and then as other countries do."""
        if amount == int(amount) and self.random.random() < 0.5:
            return whole(amount, self.language, SIGNS[self.currency])
        foreign = self.random.random() < 0.08
        styles = WRITTEN[self.random.choice(["en", "de", "fr"]) if foreign else self.language]
        return self.random.choice(styles)(amount, self.currency)

    def order_number(self, order_id: str) -> str:
        digits = order_id[3:]
        return self.random.choice(
            [order_id, order_id, order_id, f"KF{digits}", f"#{digits}", f"kf {digits}", digits]
        )

    def names(self, products: list[str]) -> str:
        return f" {AND[self.language]} ".join(self.name(sku) for sku in products)

    def name(self, sku: str) -> str:
        column = 1 + ["en", "de", "fr"].index(self.language)
        return str(read("shop.yaml")["products"][sku][column])


def misread(order_id: str, random: Random) -> str:
    """The order number with two digits swapped, or one wrong."""
    place = random.randrange(3, len(order_id) - 1)
    left, right = order_id[place], order_id[place + 1]
    if left != right:
        return order_id[:place] + right + left + order_id[place + 2 :]
    return order_id[:place] + str((int(left) + 1) % 10) + order_id[place + 1 :]


def slip(text: str, random: Random, share: float = 0.08) -> str:
    """The text with letters swapped, lost or doubled in some of its longer words."""

    def spoil(match: re.Match[str]) -> str:
        word = match.group()
        if random.random() > share:
            return word
        at = random.randrange(1, len(word) - 1)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        lost, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
        return random.choice([swapped, lost, doubled])

    return re.sub(r"[^\W\d_]{5,}", spoil, text)
