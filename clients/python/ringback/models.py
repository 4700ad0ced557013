"""What the API answers, by the words that one says; `ringback.generated.models` has all of it."""

from ringback.generated.models import AttemptOut as Attempt
from ringback.generated.models import BatchOut as Batch
from ringback.generated.models import CancelledOut as Cancelled
from ringback.generated.models import DeliveryDetailOut as DeliveryDetail
from ringback.generated.models import DeliveryOut as Delivery
from ringback.generated.models import EndpointOut as Endpoint
from ringback.generated.models import EndpointSecretOut as EndpointSecret
from ringback.generated.models import EndpointStatsOut as EndpointStats
from ringback.generated.models import EventOut as Event
from ringback.generated.models import EventTypeOut as EventType
from ringback.generated.models import KeyOut as Key
from ringback.generated.models import MissedOut as Missed
from ringback.generated.models import NewEndpointOut as NewEndpoint
from ringback.generated.models import NewKeyOut as NewKey
from ringback.generated.models import NewPortalLinkOut as NewPortalLink
from ringback.generated.models import PortalLinkOut as PortalLink
from ringback.generated.models import PulledOut as Pulled
from ringback.generated.models import SecretOut as Secret
from ringback.generated.models import StatsOut as Stats
from ringback.generated.models import TaskOut as Task
from ringback.generated.models import TaskTypeOut as TaskType
from ringback.generated.models import TenantOut as Tenant
from ringback.live import LiveAttempt

__all__ = [
    "Attempt",
    "Batch",
    "Cancelled",
    "Delivery",
    "DeliveryDetail",
    "Endpoint",
    "EndpointSecret",
    "EndpointStats",
    "Event",
    "EventType",
    "Key",
    "LiveAttempt",
    "Missed",
    "NewEndpoint",
    "NewKey",
    "NewPortalLink",
    "PortalLink",
    "Pulled",
    "Secret",
    "Stats",
    "Task",
    "TaskType",
    "Tenant",
]
