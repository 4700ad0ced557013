"""A judge that takes as long as a test wants."""

import asyncio

from core.intake.judge import Judge
from core.intake.verdicts import Verdict
from core.model.counted import Budget
from core.model.ids import TenantId


class Slow(Judge):
    """Takes as long for one tenant as the test wants, and counts how much it judges at a time."""

    def __init__(self, tenant: TenantId) -> None:
        """Judge nothing of this tenant until `go_on` is set."""
        super().__init__()
        self.most = 0
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self._now = 0
        self._slow = tenant

    def at_once(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...] | None:
        """See `Judge.at_once`."""
        return None if tenant_id == self._slow else super().at_once(tenant_id, type_, data, budget)

    async def verdicts(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...]:
        """See `Judge.verdicts`."""
        if tenant_id == self._slow:
            self._now += 1
            self.most = max(self.most, self._now)
            self.entered.set()
            await self.go_on.wait()
            self._now -= 1
        return await super().verdicts(tenant_id, type_, data, budget)
