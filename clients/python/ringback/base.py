"""What the generated models are built on."""

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator


class Model(BaseModel):
    """An answer of the API, which may be newer than this client: it keeps fields and words that it does not know."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep_new_words(cls, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        """Let a word through that a later version of the API added to a list of words."""
        try:
            kept: object = handler(value)
        except ValidationError as error:
            if isinstance(value, str) and {one["type"] for one in error.errors()} <= {"literal_error", "none_required"}:
                return value
            raise
        return kept
