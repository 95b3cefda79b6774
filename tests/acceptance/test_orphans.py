"""After everything: nothing is left that nobody will ever move again."""

from __future__ import annotations

from tests.acceptance.site import Site


def test_there_are_no_orphans(site: Site) -> None:
    assert site.run("manage.py", "check_orphans") == "orphans: 0\n"


def test_the_record_is_whole(site: Site) -> None:
    assert site.run("manage.py", "verify_audit").endswith(", broken: 0\n")
