"""The queue, and the way from it to the next seat."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from review.views.answers import done_before, next_seat, show_queue
from review.views.doors import ReviewRequest, actor_of, is_ahead, is_foreign, wanted_by


@require_safe
def queue(request: ReviewRequest) -> HttpResponse:
    """What waits for a person, by keyset pages; nothing is counted."""
    actor = actor_of(request)
    return show_queue(request, actor, wanted_by(request), done=done_before(request, actor))


def next_task(request: ReviewRequest) -> HttpResponse:
    """Claim the next seat and go there; to the queue when nothing is left.

    A GET claims only where somebody followed a link of ours or typed the address.
    """
    wanted = wanted_by(request)
    if request.method != "POST" and is_ahead(request):
        return HttpResponse("Nothing is claimed ahead of a click.", status=403)
    if request.method != "POST" and is_foreign(request):
        return redirect(wanted.on(reverse("review:queue")))
    seat = next_seat(actor_of(request), wanted)
    url = reverse("review:task", args=[seat.task_id]) if seat else reverse("review:queue")
    done = request.GET.get("done", "")
    return redirect(wanted.on(url, **({"done": done} if done.isdecimal() else {})))
