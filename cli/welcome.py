import json
from typing import Final

from cli.credentials import OperatorKey
from cli.data_dir import DataDir
from cli.readiness import Api

_EXAMPLE: Final = {"type": "math.divide", "input": {"x": 22, "y": 7}}


def welcome(api: Api, key: OperatorKey, data_dir: DataDir) -> str:
    """Return what `up` shows once everything runs; its last three lines can be pasted into a shell.

    The key is shown only on the start that made it.
    """
    shown = f"  operator key  {key.text}  (shown once; kept in {data_dir.operator_key})\n" if key.fresh else ""
    return (
        f"\nRingback is ready\n\n"
        f"  API           {api.url}\n"
        f"  dashboard     {api.url}/dashboard/\n"
        f"  docs          {api.url}/docs\n"
        f"{shown}"
        f"  data          {data_dir.root}\n"
        f"  stop          Ctrl-C\n\n"
        f"Try it in another shell: submit a task, poll it, list what was delivered.\n\n"
        f"{_commands(api, key)}\n"
    )


def _commands(api: Api, key: OperatorKey) -> str:
    auth = f'-H "Authorization: Bearer {key.in_shell}" -H "Ringback-Tenant: default"'
    # The answer to a submit is 303 with a Location; curl can say it as an absolute URL.
    body = f"-H 'Content-Type: application/json' -d '{_task()}'"
    submit = f"TASK=$(curl -sS -o /dev/null -w '%{{redirect_url}}' {api.url}/v1/tasks {auth} {body})"
    return "\n".join(
        (
            f'{submit}; echo "$TASK"',
            f'curl -sS "$TASK" {auth}; echo',
            f"curl -sS {api.url}/v1/deliveries {auth}; echo",
        )
    )


def _task() -> str:
    return json.dumps(_EXAMPLE)
