"""How many bytes of bodies are under way, and whose: a tenant with large ones leaves room for small ones of others."""

import math
from collections import Counter
from typing import Final
from uuid import UUID

from workers.delivery.lanes import TENANT_SHARE


class Weights:
    """Bytes under way, at most `bound` of them and one body more; a tenant may have a share of what is still free."""

    def __init__(self, bound: int) -> None:
        """Hold nothing yet."""
        self._free = bound
        self._held: Final[Counter[UUID]] = Counter()

    def put(self, tenant_id: UUID, size: int) -> None:
        """Count a body."""
        self._held[tenant_id] += size
        self._free -= size

    def take(self, tenant_id: UUID, size: int) -> None:
        """Count one less."""
        self._free += size
        self._held[tenant_id] -= size
        if not self._held[tenant_id]:
            del self._held[tenant_id]

    @property
    def room(self) -> int:
        """How many bytes the next claim may bring; 0 or less: none."""
        return math.ceil(self._free / TENANT_SHARE)

    def is_over(self, tenant_id: UUID) -> bool:
        """Tell whether a tenant may have no more for now."""
        return self._held[tenant_id] >= self.room
