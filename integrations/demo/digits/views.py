from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from integrations.demo.digits import images


@require_safe
def image(request: HttpRequest, number: int) -> FileResponse:
    """One image of the demo. The site's middleware asks for a sign-in first."""
    try:
        file = images.path(number).open("rb")
    except FileNotFoundError as error:
        raise Http404("There is no such image.") from error
    return FileResponse(
        file,
        content_type="image/png",
        headers={
            "Cache-Control": "private, max-age=86400",
            "X-Content-Type-Options": "nosniff",
        },
    )
