"""Scripts for pgbench: the writes of a code exchange, made of rows that the server wrote."""

from . import seed

POOL = 200_000


def insert(database, table, changed, where="sub = 'template'"):
    """An INSERT of a row like the one that `where` finds, `changed` aside."""
    names = seed.columns(database, table)
    shown = ", '\x1f', ".join(f"quote_nullable({name}::text)" for name in names)
    row = database.sql(f"SELECT concat({shown}) FROM {table} WHERE {where} LIMIT 1")
    values = "|".join(row[0]).split("\x1f")
    # pgbench takes a colon for the beginning of a variable's name, in a literal too.
    values = [value.replace(":", "' || chr(58) || '") for value in values]
    values = [changed.get(name, value) for name, value in zip(names, values)]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(values)});\n"


def scripts(database):
    tenant = database.sql("SELECT tenant_id FROM tenant WHERE tid = 'bench'")[0][0]
    # A pool of pending codes to consume.
    seed.copy(database, "authorization_code", POOL, {"id": database.id("k"), "state": "0"}, "TRUE")
    database.settle()
    fresh = {"id": "decode(md5(:r::text), 'hex')", "number": ":r"}
    row = insert(database, "access_token", {"number": ":r"})
    chain = insert(database, "refresh_token", fresh)
    grant = insert(database, "authorization_grant", {"id": fresh["id"]})
    code = f"tenant_id = {tenant} AND id = {database.id('k', ':i')}"
    read = f"SELECT * FROM authorization_code WHERE {code};\n"
    consume = f"UPDATE authorization_code SET state = 1, used_at = 1 WHERE {code} AND state = 0;\n"
    live = f"SELECT max(epoch) FROM revocation WHERE tenant_id = {tenant} AND selector IN ('a', 'b', 'c', 'd');\n"
    draw = f"\\set r random(1, 9007199254740991)\n\\set i random(1, {POOL})\n"
    return {
        "INSERT of an access token": draw + row,
        "UPDATE that consumes a code": draw + consume,
        "a code exchange's statements": draw + read + "BEGIN;\n" + consume + live + chain + grant + row + "COMMIT;\n",
    }
