"""The bar of a task that is followed."""

from io import StringIO

import pytest
from rich.console import Console

from cli.remote.tasks import bar_on


@pytest.mark.parametrize("said", ["Copying [/tmp/a]", "[red]", "[1/2]"])
def test_what_a_task_says_is_shown_as_it_is(said: str) -> None:
    shown = StringIO()
    console = Console(file=shown, width=120)
    bar = bar_on(console)
    bar.add_task("files.copy", said=said)

    console.print(bar.get_renderable())

    assert said in shown.getvalue()
