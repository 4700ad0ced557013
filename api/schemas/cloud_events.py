"""CloudEvents 1.0 on the wire."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.events import EventTypeName, Key
from api.schemas.fields import Timestamp

TEXT_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""Text of an attribute (CloudEvents 1.0.2, section 3.1): no control characters."""
_URI: Final = r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$"

Reference = Annotated[str, StringConstraints(pattern=_URI, min_length=1, max_length=1024)]
AttributeText = Annotated[str, StringConstraints(pattern=TEXT_PATTERN, min_length=1, max_length=1024)]
CloudId = Annotated[Key, StringConstraints(pattern=TEXT_PATTERN)]


class CloudEventIn(BaseModel):
    """A CloudEvent 1.0 in the JSON format; what is not named here is an extension."""

    model_config = ConfigDict(extra="allow")

    specversion: Literal["1.0"]
    id: CloudId = Field(description="One event with its `source`, whatever comes again.", examples=["A234-1234-1234"])
    source: Reference = Field(description="A URI reference (RFC 3986).", examples=["/shops/berlin"])
    type: EventTypeName
    time: Timestamp | None = None
    subject: AttributeText | None = None
    datacontenttype: str | None = Field(default=None, description="JSON, or nothing.", examples=["application/json"])
    dataschema: Reference | None = None
    data: object = Field(default=None, description="Any JSON. Its bytes reach the receiver as they are sent.")
