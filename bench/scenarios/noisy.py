"""A tenant that asks at ten times its limit, and what the others notice of it."""

import json
import threading

from lib.database import open_database
from lib.load import FORM, JSON, STORE, Client, of_client, of_tenant, wrk
from lib.machine import DATABASES, ROUNDS, SECONDS, Folder
from lib.report import table
from lib.server import PLATFORM, TOKEN, Tenure, sha256
from scenarios.hot import authorization

# Requests a second: what the noisy tenant may ask, and what each of two loads of the others asks.
LIMIT, QUIET = 300, 500
PACE_MS = 8


def paced(rate):
    """Connections that ask at this rate together, each at most once in `PACE_MS`."""
    return {"mode": f"cycle:{PACE_MS}", "connections": rate * PACE_MS // 1000}


def noisy_tenant(server):
    body = {"id": "noisy", "issuer": "http://127.0.0.1:8080/t/noisy", "limits": {"requests_per_second": LIMIT},
            "authz_store": {"api_token_sha256": [sha256(TOKEN)]}}
    Client(server).ask("POST", "/tenants/rest/v1", [f"Authorization: Bearer {PLATFORM}", JSON], json.dumps(body))


def inspection(server, tid):
    answer = Client(server).ask("POST", f"{STORE}/authorizations?return=tokens", [*of_tenant(tid), JSON], authorization(0, "SELF_CONTAINED"))
    return [("POST", f"{STORE}/inspection", f"access_token={json.loads(answer)['access_token']}")]


class Loads:
    """Loads that run at the same time, each with a folder of its own."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder

    def run(self, loads, seconds):
        """Runs `{name: (requests, headers, rate)}`; returns `{name: Result}`."""
        results, threads = {}, []
        for name, (requests, headers, rate) in loads.items():
            place = self.folder / name.replace(" ", "-")
            place.mkdir(exist_ok=True)

            def one(name=name, place=place, requests=requests, headers=headers, rate=rate):
                results[name] = wrk(self.server, place, requests, headers, seconds=seconds, **paced(rate))

            threads.append(threading.Thread(target=one))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return results


def measure(kind):
    with Folder() as folder:
        database = open_database(kind, folder)
        server = Tenure(database, folder)
        try:
            noisy_tenant(server)
            others = {
                "inspection": (inspection(server, "bench"), [*of_tenant(), FORM], QUIET),
                "client_credentials": ([("POST", "/token", "grant_type=client_credentials&scope=app%3Aread")], of_client("es-free"), QUIET),
            }
            within = (inspection(server, "noisy"), [*of_tenant("noisy"), FORM], LIMIT // 2)
            beyond = (within[0], within[1], 10 * LIMIT)
            loads, seconds = Loads(server, folder), SECONDS / ROUNDS
            cases = {"alone": others, "beside it within its limit": {**others, "noisy": within}, "beside it at ten times its limit": {**others, "noisy": beyond}}
            found = {case: [] for case in cases}
            for _ in range(ROUNDS):
                for case, wanted in cases.items():
                    found[case].append(loads.run(wanted, seconds))
        finally:
            server.stop()
            database.stop()
    rows = []
    for case, rounds in found.items():
        for name in rounds[0]:
            middle = sorted((one[name] for one in rounds), key=lambda result: result.p99)[len(rounds) // 2]
            rows.append([f"{name}, {case}" if name != "noisy" else f"… the noisy tenant, {case}", middle.rate, middle.p50, middle.p99, middle.refused, middle.broken])
    table(f"noisy: {database.name}", ["case", "per s", "p50 ms", "p99 ms", "refused", "broken"], rows)


def run():
    for kind in DATABASES:
        measure(kind)
