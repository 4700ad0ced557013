"""The three roles of the database, made before the first table so that one of them can own it.

The login of the processes is a NOINHERIT member of all three and does nothing by itself: each pool says which
role it works in. Making them needs CREATEROLE once; where an administrator has made them, nothing is needed.
"""

from typing import Final

from sqlalchemy import Connection, text

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


def prepare_roles(connection: Connection) -> None:
    """Make what is missing of the roles, and become the owner."""
    connection.execute(text(_CREATE))
    connection.commit()
    connection.execute(text("SET ROLE ringback_owner"))
    connection.commit()
