"""What a form of an output posted, after the button for a row of a list that was pressed."""

from __future__ import annotations

from django.http import HttpRequest

from orchestrator import schema

BUTTONS = {"add": schema.add_row, "remove": schema.remove_row, "drop": schema.drop}


def rearranged(request: HttpRequest) -> dict[str, str]:
    posted = {name: str(text) for name, text in request.POST.items()}
    for button, act in BUTTONS.items():
        if button in posted:
            posted = act(posted, posted.pop(button))
    return posted
