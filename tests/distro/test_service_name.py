"""The name of a service that was given none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.distro.service_name import from_command_line


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python my_agent.py --fast", "my_agent"),
        ("python -X dev -W error /srv/shop/agent.py", "agent"),
        ("python -u -m shop.worker --queue x", "shop.worker"),
        ("python -mshop", "shop"),
        ("python /usr/bin/gunicorn app:app", "gunicorn"),
        ("python shop/__main__.py", "shop"),
        ("python -c pass", None),
        ("python -", None),
        ("python", None),
    ],
)
def test_the_program_names_the_service(command, name):
    """The script or module is the name; code from the command line has none."""
    assert from_command_line(command.split()) == name


@given(st.lists(st.text(max_size=10), max_size=6))
def test_no_command_line_is_too_strange(arguments):
    """Whatever stands there, the answer is a name or None."""
    found = from_command_line(arguments)
    assert found is None or isinstance(found, str)
