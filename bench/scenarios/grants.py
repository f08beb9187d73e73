"""Issuing tokens: codes and their exchange, refresh, tokens at once, client_credentials. PostgreSQL is measured beside
pgbench, which runs the same writes with one statement, or one exchange, a transaction; both beside oidc-provider."""

import json

from lib import peer, pgbench, seed
from lib.database import open_database
from lib.load import FORM, JSON, STORE, Client, of_client, of_tenant, wrk
from lib.machine import DATABASES, SECONDS, Folder
from lib.report import table
from lib.server import Tenure
from scenarios.hot import authorization

CODES = int(8_000 * SECONDS)


def collected(server, folder, requests, headers):
    """The answers to some requests, each sent once, and how that went."""
    file = folder / "answers.txt"
    result = wrk(server, folder, requests, headers, "once", 600, file)
    return file.read_text().splitlines(), result


def codes(server, folder, count, **other):
    posts = [("POST", f"{STORE}/authorizations", json.dumps({**json.loads(authorization(i, "SELF_CONTAINED")), "irt": True, **other}))
             for i in range(count)]
    answers, result = collected(server, folder, posts, [*of_tenant(), JSON])
    return [line for line in answers if len(line) == 46], result


def exchanges(server, folder, results):
    api = [*of_tenant(), FORM]
    found, results["code made (authorisation not stored)"] = codes(server, folder, CODES)
    requests = [("POST", f"{STORE}/authorizations", f"code={code}&client_id=shop") for code in found]
    results["code exchanged, authorisation store"] = wrk(server, folder, requests, api, "once", SECONDS)
    found, _ = codes(server, folder, CODES, rur="http://127.0.0.1:3000/in")
    requests = [("POST", "/token", f"grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fin")
                for code in found]
    results["code exchanged, /token"] = wrk(server, folder, requests, of_client(), "once", SECONDS)


def refreshes(server, folder, results):
    for rotate, mode, name in [(False, "cycle", "refresh"), (True, "feedback", "refresh with rotation")]:
        posts = [("POST", f"{STORE}/authorizations?return=tokens",
                  json.dumps({"sub": f"user-{i:07}", "cid": "shop", "scp": ["email", "app:read"], "irt": True, "rtr": rotate}))
                 for i in range(2_000)]
        answers, _ = collected(server, folder, posts, [*of_tenant(), JSON])
        tokens = [json.loads(line)["refresh_token"] for line in answers if "refresh_token" in line]
        requests = [("POST", f"{STORE}/authorizations", f"refresh_token={token}") for token in tokens]
        results[name] = wrk(server, folder, requests, [*of_tenant(), FORM], mode)


def at_once(server, folder, results):
    for encoding in ("SELF_CONTAINED", "IDENTIFIER"):
        posts = [("POST", f"{STORE}/authorizations?return=tokens", authorization(i, encoding)) for i in range(2_000)]
        results[f"return=tokens, {encoding}"] = wrk(server, folder, posts, [*of_tenant(), JSON])
    post = [("POST", "/token", "grant_type=client_credentials&scope=app%3Aread")]
    for tid, name in [("bench", "ES256, registered"), ("es-free", "ES256, not registered"),
                      ("rs", "RS256, registered"), ("rs-free", "RS256, not registered")]:
        results[f"client_credentials, {name}"] = wrk(server, folder, post, of_client(tid))
    answer = Client(server).ask(*post[0][:2], of_client("es-free"), post[0][2])
    introspection = [("POST", "/token/introspect", f"token={json.loads(answer)['access_token']}")]
    results["introspection, JWT"] = wrk(server, folder, introspection, of_client("es-free"))


def beside(database):
    """What PostgreSQL does with the same writes when pgbench sends them."""
    scripts = pgbench.scripts(database)
    return {f"pgbench, {name}, {clients} clients": database.pgbench(script, SECONDS / 2, clients)
            for name, script in scripts.items() for clients in (16,)}


def measure(kind):
    results = {}
    with Folder() as folder:
        database = open_database(kind, folder)
        server = Tenure(database, folder)
        try:
            for part in (exchanges, refreshes, at_once):
                part(server, folder, results)
            results |= peer.measure(folder)
            seed.template(server, lng=False)
            rates = beside(database) if kind == "postgres" else {}
        finally:
            server.stop()
            database.stop()
    rows = [[name, r.rate, r.cpu_us, r.p50, r.p99, r.refused, r.broken] for name, r in results.items()]
    rows += [[name, rate, None, None, None, None, None] for name, rate in rates.items()]
    table(f"grants, {database.name}", ["case", "per s", "µs", "p50 ms", "p99 ms", "refused", "broken"], rows)


def run():
    for kind in DATABASES:
        measure(kind)
