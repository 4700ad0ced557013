"""Named places at which a test may end or stop the process: where no kill at random would hit.

```
if fail_points.reached is not None:
    fail_points.reached("accept.committed")
```
No setting arms them: a test's launcher puts a function here before it runs a process. While there is none, a point
costs the look at a module's variable, some 20 ns.

| point | what is done, and what is not yet |
| --- | --- |
| `accept.inserted` | the group's statement has run; its transaction is open |
| `accept.committed` | the group is committed; nobody is answered, nothing is published |
| `submit.committed` | the same, for tasks |
| `attempt.claimed` | the lease is committed; nothing is sent |
| `attempt.answered` | the receiver has answered; nothing is recorded |
| `record.committed` | the outcome is committed; nothing is released or published again |
| `publish.sent` | messages are sent; none is confirmed |
| `task.started` | the run is counted and leased; the function has not been called |
| `task.worked` | the function has returned; its end is not recorded |
"""

from collections.abc import Callable

reached: Callable[[str], None] | None = None
"""What is called with a point's name; set by the launcher of a test, and by nobody else."""
