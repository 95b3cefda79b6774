"""What the README tells a newcomer to type, typed."""

from __future__ import annotations

import json
import re
import shlex
from urllib.parse import urlsplit

import httpx2

from orchestrator.processes.child import PROJECT
from tests.acceptance.site import Site
from tests.acceptance.test_refunds import request

README = (PROJECT / "README.md").read_text()
ORDER = request("KF-4711", 180)
VALUE = {
    "kind": "refund",
    "orders": [{"order_id": "KF-4711", "amount": 180}],
    "amount": 180,
    "currency": "EUR",
    "reason": "damaged",
    "policy": "covered",
    "instructed": False,
}


def test_an_agent_that_runs_elsewhere_brings_its_output(site: Site) -> None:
    ((make_key, send),) = re.findall(
        r"```\n(manage\.py create_api_key.*)\n\n(curl [^`]*)```", README
    )
    key = site.run(*shlex.split(make_key)).strip()
    # Data and value are left out there: {…}.
    for written in (ORDER, VALUE):
        send = send.replace("{…}", json.dumps(written), 1)
    _, address, *options = shlex.split(send.replace("$KEY", key).replace("\\\n", ""))
    pairs = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(text.split(": ") for flag, text in pairs if flag == "-H")

    url = site.url + urlsplit(address).path
    answer = httpx2.post(url, content=dict(pairs)["-d"], headers=headers)

    assert answer.status_code == 201, answer.text
    task_id = site.task_in_review(answer.json()["id"])
    found = "SELECT proposal->'amount' FROM orchestrator_task WHERE id = %s"
    assert site.rows(found, task_id) == [(180,)]
