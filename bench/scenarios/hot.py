"""Inspection: the same tokens over and over (hot), each token once (cold), and texts that are no tokens (garbage)."""

import base64
import json
import os
import random

from lib.database import open_database
from lib.load import FORM, JSON, STORE, of_client, of_tenant, rounds, wrk
from lib.machine import DATABASES, Folder
from lib.report import table
from lib.server import Bare, Tenure

HOT, COLD = 1_000, int(os.environ.get("BENCH_COLD", "20000"))


def authorization(number, encoding):
    return json.dumps({"sub": f"user-{number:07}", "cid": "shop", "scp": ["openid", "email", "app:read"], "ate": encoding,
                       "clm": ["email", "email_verified"], "aud": ["http://127.0.0.1:3000/api"],
                       "dat": {"ip": "10.20.30.40", "department": "sales"}})


def issue(server, folder, count, encoding, tid="bench"):
    """Access tokens of as many users."""
    posts = [("POST", f"{STORE}/authorizations?return=tokens", authorization(i, encoding)) for i in range(count)]
    file = folder / "tokens.txt"
    wrk(server, folder, posts, [*of_tenant(tid), JSON], "once", 300, file)
    tokens = [json.loads(line)["access_token"] for line in file.read_text().splitlines() if "access_token" in line]
    assert len(tokens) >= count * 0.98, (len(tokens), count)
    return tokens


def inspections(tokens):
    return [("POST", f"{STORE}/inspection", f"access_token={token}") for token in tokens]


def introspections(tokens):
    return [("POST", "/token/introspect", f"token={token}") for token in tokens]


def garbage(like):
    """Texts of the length of a token, and JWTs whose signature is another's."""
    size = len(like)
    return [base64.urlsafe_b64encode(random.randbytes(size))[:size].decode() for _ in range(HOT)]


def forged(tokens):
    return [a.rsplit(".", 1)[0] + "." + b.rsplit(".", 1)[1] for a, b in zip(tokens, tokens[1:])]


def loads(server, bare, folder, identifiers, jwts):
    headers = [*of_tenant(), FORM]

    def load(where, requests, headers):
        return lambda seconds: wrk(where, folder, requests, headers, seconds=seconds)

    plain = [("POST", path, f"access_token={identifiers[0]}") for path in ("/static", "/tenant")]
    return {
        "bare poem-openapi, constant answer": load(bare, plain[:1], headers),
        "bare poem-openapi, tenant looked up": load(bare, plain[1:], headers),
        "hot inspection, identifiers": load(server, inspections(identifiers), headers),
        "hot inspection, JWTs": load(server, inspections(jwts), headers),
        "hot introspection (RFC 7662), JWTs": load(server, introspections(jwts), of_client()),
        "garbage of an identifier's length": load(server, inspections(garbage(identifiers[0])), headers),
        "JWTs with a wrong signature": load(server, inspections(forged(jwts)), headers),
    }


def cold(database, folder, tokens):
    """Each token once, by a server that has just started."""
    server = Tenure(database, folder)
    try:
        return wrk(server, folder, inspections(tokens), [*of_tenant(), FORM], "once", 120)
    finally:
        server.stop()


def measure(kind):
    with Folder() as folder:
        database, bare = open_database(kind, folder), Bare()
        server = Tenure(database, folder)
        try:
            identifiers, jwts = (issue(server, folder, COLD, encoding) for encoding in ("IDENTIFIER", "SELF_CONTAINED"))
            results = rounds(loads(server, bare, folder, identifiers[:HOT], jwts[:HOT]))
            server.stop()
            results["cold inspection, identifiers"] = cold(database, folder, identifiers)
            results["cold inspection, JWTs"] = cold(database, folder, jwts)
        finally:
            server.stop()
            bare.stop()
            database.stop()
    base = results["bare poem-openapi, tenant looked up"]
    rows = [[name, r.rate, r.cpu_us, base.cpu_us / r.cpu_us, r.p50, r.p99, r.refused, r.broken] for name, r in results.items()]
    head = ["case", "req/s", "µs", "of bare, by µs", "p50 ms", "p99 ms", "refused", "broken"]
    table(f"hot: inspection, {database.name}", head, rows)


def run():
    for kind in DATABASES:
        measure(kind)
