"""Many rows through SQL. Each is a copy of one that the server wrote itself, with a subject and identities of its own, so
that what is seeded is what the schema and the server say, whatever they come to say."""

import json

from .load import JSON, STORE, Client, of_tenant

AUTHORIZATION = {"sub": "template", "cid": "shop", "lng": True, "irt": True, "rtl": 0, "scp": ["openid", "email", "app:read"],
                 "clm": ["email", "email_verified"], "dat": {"ip": "10.20.30.40"}}


def template(server, **other):
    """Has the server write one of everything."""
    posted = {**AUTHORIZATION, **other}
    return json.loads(Client(server).ask("POST", f"{STORE}/authorizations?return=tokens", [*of_tenant(), JSON], json.dumps(posted)))


def columns(database, table):
    if database.name == "SQLite":
        return [row[1] for row in database.sql(f"PRAGMA table_info({table})")]
    rows = database.sql(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
                        " AND table_schema = 'public' ORDER BY ordinal_position")
    return [row[0] for row in rows]


def copy(database, table, count, changed, where="sub = 'template'"):
    """Inserts `count` copies of the row that `where` finds; `changed` maps columns to SQL of `i`."""
    names = columns(database, table)
    values = [changed.get(name, f"t.{name}") for name in names]
    database.sql(f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)}"
                 f" FROM (SELECT * FROM {table} WHERE {where} LIMIT 1) AS t CROSS JOIN {database.series(count)}")


def authorizations(database, count):
    """Long-lived authorisations of as many subjects with one client, each with its refresh token."""
    grant = {"id": database.id("g"), "authorization_id": database.id("a"), "sub": database.padded("user-"), "chain_id": database.id("c")}
    copy(database, "authorization_grant", count, grant)
    chain = {"id": database.id("c"), "number": "i", "grant_id": database.id("g"), "authorization_id": database.id("a"),
             "sub": database.padded("user-")}
    copy(database, "refresh_token", count, chain)
    record = {"sub": database.padded("user-"), "id": database.id("a"), "newest_chain": database.id("c")}
    copy(database, "authorization_record", count, record)


def access_tokens(database, count, sub, cid="t.cid"):
    """Registered access tokens; `sub` and `cid` are SQL of `i`."""
    token = {"number": "i", "grant_id": database.id("g"), "authorization_id": database.id("a"), "chain_id": database.id("c"),
             "sub": sub, "cid": cid, "id_token": "NULL",
             "id": f"CASE WHEN t.kind = 0 THEN {database.id('t')} END", "expires_at": "t.expires_at + i % 100000"}
    copy(database, "access_token", count, token)
