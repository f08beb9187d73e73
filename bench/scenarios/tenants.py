"""Many tenants: made through the platform API, then served; spread over all of them beside one alone."""

import base64
import json

from lib.database import open_database
from lib.load import FORM, JSON, STORE, wrk
from lib.machine import DATABASES, TENANTS, Folder, memory
from lib.report import table
from lib.server import PLATFORM, TOKEN, Tenure, sha256
from scenarios.hot import authorization

BEARER = [f"Authorization: Bearer {TOKEN}"]


def tenant(number):
    tid = f"t{number:06}"
    return json.dumps({
        "id": tid, "issuer": f"http://127.0.0.1:8080/t/{tid}", "access_token": {"lifetime": 86400},
        "authz_store": {"api_token_sha256": [sha256(TOKEN)]}, "registration": {"token_sha256": [sha256(TOKEN)]},
    })


def each_once(server, folder, requests, headers):
    """The JSON answers to requests that are each sent once, and how that went."""
    file = folder / "made.txt"
    result = wrk(server, folder, requests, [*headers, JSON], "once", 3600, file)
    return [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")], result


def onboard(server, folder, results):
    """Makes the tenants; returns their ids."""
    posts = [("POST", "/tenants/rest/v1", tenant(i)) for i in range(TENANTS)]
    answers, results["tenant made"] = each_once(server, folder, posts, [f"Authorization: Bearer {PLATFORM}"])
    tids = [answer["id"] for answer in answers if "issuer" in answer]
    assert len(tids) >= TENANTS * 0.98, answers[:1]
    return tids


def clients(server, folder, tids, results):
    """Registers a client with each tenant; returns requests for tokens without a user."""
    wanted = json.dumps({"client_name": "shop", "grant_types": ["client_credentials"], "scope": "app:read",
                         "token_endpoint_auth_method": "client_secret_post"})
    posts = [("POST", f"/t/{tid}/clients", wanted) for tid in tids]
    answers, results["client registered"] = each_once(server, folder, posts, BEARER)
    asks = []
    for answer in answers:
        if "client_secret" in answer:
            tid = answer["registration_client_uri"].split("/t/")[1].split("/")[0]
            asks.append(("POST", f"/t/{tid}/token", f"grant_type=client_credentials&client_id={answer['client_id']}"
                                                    f"&client_secret={answer['client_secret']}"))
    return asks


def tokens(server, folder, tids, results):
    """Has each tenant issue a token; returns requests that inspect it."""
    posts = [("POST", f"/t/{tid}{STORE}/authorizations?return=tokens", authorization(0, "SELF_CONTAINED")) for tid in tids]
    answers, results["tokens issued, each tenant once"] = each_once(server, folder, posts, BEARER)
    texts = [answer["access_token"] for answer in answers if "access_token" in answer]
    return [("POST", f"/t/{issuer(text)}{STORE}/inspection", f"access_token={text}") for text in texts]


def issuer(jwt):
    payload = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"].split("/t/")[1]


def served(server, folder, asks, inspections, results):
    """Two connections, so that latencies are those of requests that hardly wait for each other."""
    for name, requests, headers, mode in [
        ("inspection, each tenant's first", inspections, [*BEARER, FORM], "once"),
        ("inspection, all tenants in turn", inspections, [*BEARER, FORM], "cycle"),
        ("inspection, one tenant", inspections[:1], [*BEARER, FORM], "cycle"),
        ("client_credentials, each tenant's first", asks, [FORM], "once"),
        ("client_credentials, all tenants in turn", asks, [FORM], "cycle"),
        ("client_credentials, one tenant", asks[:1], [FORM], "cycle"),
    ]:
        results[name] = wrk(server, folder, requests, headers, mode, connections=2)


def measure(kind):
    results = {}
    with Folder() as folder:
        database = open_database(kind, folder)
        server = Tenure(database, folder)
        try:
            memories = [("before", memory(server.pid))]
            tids = onboard(server, folder, results)
            asks, inspections = clients(server, folder, tids, results), tokens(server, folder, tids, results)
            memories.append(("after they were made", memory(server.pid)))
            server.stop()
            server = Tenure(database, folder)
            memories.append(("after a restart", memory(server.pid)))
            served(server, folder, asks, inspections, results)
            memories.append(("after the load", memory(server.pid)))
        finally:
            server.stop()
            database.stop()
    rows = [[name, r.rate, r.cpu_us, r.p50, r.p99, r.refused, r.broken] for name, r in results.items()]
    table(f"tenants: {TENANTS}, {database.name}", ["case", "per s", "µs", "p50 ms", "p99 ms", "refused", "broken"], rows)
    rows = [[f"memory {when}: heap / RSS, MiB", f"{heap:.0f} / {rss:.0f}"] for when, (heap, rss) in memories]
    table(f"… start and memory, {database.name}", ["what", "figure"],
          [["start of the server with them, s", server.start_seconds], *rows])


def run():
    for kind in DATABASES:
        measure(kind)
