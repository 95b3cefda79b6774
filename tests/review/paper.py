"""A page as a browser without JavaScript has it: a form, what it would send, where to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Protocol

from django.test import Client

VOID = frozenset({"input", "meta", "link", "img", "br", "hr", "use", "rect"})


class Page(Protocol):
    """Whatever a test client answers with."""

    @property
    def content(self) -> bytes: ...


def text_of(page: Page) -> str:
    """What a person reads, without tags."""
    plain = re.sub(r"<[^>]+>", " ", page.content.decode())
    return re.sub(r"\s+", " ", plain)


@dataclass
class Button:
    text: str
    name: str
    value: str
    action: str


@dataclass
class Form:
    """The form with id ``decision``; what is disabled sends nothing."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    def press(self, client: Client, label: str, /, htmx: bool = False, **headers: Any) -> Any:
        """Send the form by the button that reads ``label``, or sends it: "add /lines"."""
        button = next(
            b for b in self.buttons if label in {b.value, f"{b.name} {b.value}"} or label in b.text
        )
        sent = self.fields | ({button.name: button.value} if button.name else {})
        if htmx:
            headers["HTTP_HX_REQUEST"] = "true"
        return client.post(button.action or self.action, sent, **headers)

    def fill(self, **values: str) -> Form:
        """Type into controls: ``amount`` is ``f/amount``."""
        return self.set({f"f/{name}": value for name, value in values.items()})

    def set(self, values: dict[str, str]) -> Form:
        unknown = values.keys() - self.fields.keys()
        assert not {name for name in unknown if name.startswith("f/")}, unknown
        self.fields |= values
        return self


def form_on(page: Page) -> Form:
    reader = _Reader()
    reader.feed(page.content.decode())
    return reader.form


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self.inside = self.pressed = False
        self.disabled: list[bool] = []
        self.open: tuple[str, str] | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == "decision":
            self.inside, self.form.action = True, given["action"]
        if tag == "fieldset":
            self.disabled.append("disabled" in given)
        if not self.inside and given.get("form") != "decision":
            return
        if tag == "button" and given.get("type") == "submit":
            self.pressed = True
            self.form.buttons.append(
                Button(
                    "", given.get("name", ""), given.get("value", ""), given.get("formaction", "")
                )
            )
        if not any(self.disabled):
            self._control(tag, given)

    def _control(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input" and name:
            box = given.get("type") in {"checkbox", "radio"}
            if not box or "checked" in given:
                self.form.fields[name] = given.get("value", "on" if box else "")
        elif tag in {"select", "textarea"}:
            self.open, self.text = (tag, name), ""
        elif tag == "option" and self.open:
            name = self.open[1]
            if "selected" in given or name not in self.form.fields:
                self.form.fields[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.pressed:
            self.form.buttons[-1].text += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "button":
            self.pressed = False
        elif tag == "fieldset":
            self.disabled.pop()
        elif self.open and tag == self.open[0]:
            if tag == "textarea":
                self.form.fields[self.open[1]] = self.text.removeprefix("\n")
            self.open = None
