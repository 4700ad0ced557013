"""The three roles of the database, made before the first table so that one of them can own it.

The login of the processes is a NOINHERIT member of all three and does nothing by itself: each pool says which
role it works in. Making them needs CREATEROLE once; where an administrator has made them, nothing is needed.
"""

from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

ROLES: Final = ("ringback_owner", "ringback_tenant", "ringback_engine")

_CREATE: Final = """
DO $$
DECLARE
    role TEXT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ringback roles'));
    FOREACH role IN ARRAY ARRAY['ringback_owner', 'ringback_tenant', 'ringback_engine'] LOOP
        IF to_regrole(role) IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role);
            EXECUTE format('GRANT %I TO CURRENT_USER', role);  -- the maker may grant a role, not yet set it
        END IF;
        IF NOT pg_has_role(current_user, role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO ringback_owner', current_database());
    GRANT CREATE, USAGE ON SCHEMA public TO ringback_owner;
END
$$
"""


_DENIED: Final = "42501"  # insufficient_privilege
_BY_HAND: Final = """Let an administrator run, once for the cluster and once for each database:

{create}
GRANT {roles} TO "{login}";
GRANT CREATE ON DATABASE "{database}" TO ringback_owner;
GRANT CREATE, USAGE ON SCHEMA public TO ringback_owner;
"""


class RolesNotReadyError(Exception):
    """The login may not make the roles itself; the message says who may, and how."""

    def __init__(self, reason: str, *, login: str, database: str) -> None:
        create = "\n".join(f"CREATE ROLE {role} NOLOGIN NOINHERIT;" for role in ROLES)
        by_hand = _BY_HAND.format(create=create, roles=", ".join(ROLES), login=login, database=database)
        super().__init__(f"The login {login} may not prepare the roles: {reason}. {by_hand}")


def prepare_roles(connection: Connection) -> None:
    """Make what is missing of the roles, and become the owner; raise `RolesNotReadyError` where that is not allowed."""
    try:
        connection.execute(text(_CREATE))
        connection.commit()
        connection.execute(text("SET ROLE ringback_owner"))
        connection.commit()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _DENIED:
            raise
        connection.rollback()
        login, database = connection.execute(text("SELECT session_user, current_database()")).one()
        raise RolesNotReadyError(str(error.orig), login=login, database=database) from None
