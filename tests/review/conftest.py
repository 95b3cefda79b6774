from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from orchestrator.models import Workflow
from tests import world

SignIn = Callable[[str], Client]


@pytest.fixture
def expenses(db: None) -> Workflow:
    return world.workflow()


@pytest.fixture
def client_of(db: None) -> SignIn:
    """A browser of a named person's own."""

    def client_of(name: str) -> Client:
        client = Client()
        client.force_login(world.person(name))
        return client

    return client_of


@pytest.fixture
def bea(expenses: Workflow, client_of: SignIn) -> Client:
    return client_of("bea")


@pytest.fixture
def ben(expenses: Workflow, client_of: SignIn) -> Client:
    return client_of("ben")
