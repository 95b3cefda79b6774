"""What dora's card does to the group that really runs."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.site import Site, eventually


def test_dora_kills_the_workers_processes_and_the_case_goes_on(site: Site) -> None:
    dora = site.browser("dora")
    dora.open("/demo/")

    def killed() -> bool:
        return "were killed while they read" in dora.submit("/demo/kill/").text

    eventually(killed)
    said = dora.page.partition("The processes ")[2].partition(" were killed")[0]
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in said.split(" and ")))
    assert "Its case went on: to do" in _plain(dora.page)

    found = "SELECT t.case_id FROM orchestrator_attempt a JOIN orchestrator_task t"
    lost = f"{found} ON t.id = a.task_id WHERE a.error->>'kind' = 'lost' AND t.step_key = 'read'"
    assert eventually(lambda: site.rows(lost), 150)
    eventually(lambda: "Its case went on: done" in _plain(dora.open("/demo/").text))


def _plain(page: str) -> str:
    return page.replace('<span class="hide">', "").replace("</span>", "")
