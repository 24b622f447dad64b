from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.fleets import Fleet, a_fleet

PASSWORD = "correct-horse-battery"


@pytest.fixture
def operator(db: None) -> User:
    """A superuser: whatever he may not do, nobody may."""
    return User.objects.create_superuser("alice", password=PASSWORD)


@pytest.fixture
def onlooker(db: None) -> User:
    """Staff who may see everything and press nothing."""
    user = User.objects.create_user("olga", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


@pytest.fixture
def console(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture
def fleet(db: None) -> Fleet:
    return a_fleet()
