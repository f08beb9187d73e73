"""Managing issued tokens among ten thousand and a million: pages of the IAM API, a list and a deletion of Authlete's."""

import base64
import json
import time

from lib import seed
from lib.database import open_database
from lib.load import Client, of_client
from lib.machine import DATABASES, MILLION, Folder, memory
from lib.report import table
from lib.server import SERVICE_SECRET, Tenure

TIMES = 50


def timed(ask):
    """p50 and p99 of an answer in ms."""
    times = []
    for at in range(TIMES):
        begun = time.perf_counter()
        ask(at)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return f"{times[len(times) // 2]:.2f} / {times[int(len(times) * 0.99)]:.2f}"


def admin(server):
    """Headers of an administrator of the token management API."""
    answer = Client(server).ask("POST", "/token", of_client(), "grant_type=client_credentials&scope=iam%3Aadmin.read+iam%3Aadmin.write")
    return ["Tenant-ID: bench", f"Authorization: Bearer {json.loads(answer)['access_token']}"]


def figures(server, count):
    client, headers = Client(server), admin(server)
    basic = base64.b64encode(f"10000001:{SERVICE_SECRET}".encode()).decode()
    service = [f"Authorization: Basic {basic}"]

    def page(start, more=""):
        return lambda at: client.ask("GET", f"/iam/api/access-tokens?startIndex={start}&count=20{more}", headers)

    def user(at):
        return f"user-{count // 2 + at:07}"

    told = json.loads(page(1)(0))
    assert told["totalResults"] >= count, told["totalResults"]
    begun = time.perf_counter()
    page(1)(0)
    first = (time.perf_counter() - begun) * 1000
    return [
        first,
        timed(page(1)),
        timed(page(count // 2)),
        timed(page(count - 40)),
        timed(page(1, "&clientId=shop")),
        timed(lambda at: client.ask("GET", f"/iam/api/access-tokens?userId={user(at)}", headers)),
        timed(lambda at: client.ask("GET", f"/iam/api/refresh-tokens?startIndex={count // 2}&count=20", headers)),
        timed(lambda at: client.ask("GET", f"/api/client/authorization/get/list/{user(at)}", service)),
        timed(lambda at: client.ask("DELETE", f"/api/client/authorization/delete/20000001/{user(at)}", service)),
        timed(page(1)),
        "{:.0f} / {:.0f}".format(*memory(server.pid)),
    ]


WHAT = ["IAM page, the first one asked for, ms", "IAM, first page", "IAM, page in the middle", "IAM, last page", "IAM, first page of a client",
        "IAM, page of a user", "IAM, refresh tokens in the middle", "Authlete, list of a user's clients", "Authlete, one pair deleted",
        "IAM, first page after those deletions", "memory: heap / RSS, MiB"]


def measure(kind, count):
    with Folder() as folder:
        database = open_database(kind, folder)
        server = Tenure(database, folder)
        try:
            # The text of a JWT is sealed for its own row; an identifier's is made anew for each that is listed.
            seed.template(server, ate="IDENTIFIER")
            server.stop()
            seed.authorizations(database, count)
            seed.access_tokens(database, count, database.padded("user-"))
            database.settle()
            server = Tenure(database, folder)
            return database.name, figures(server, count)
        finally:
            server.stop()
            database.stop()


def run():
    sizes = [10_000, MILLION]
    for kind in DATABASES:
        columns = []
        for count in sizes:
            name, column = measure(kind, count)
            columns.append(column)
        rows = [[what, *cells] for what, *cells in zip(WHAT, *columns)]
        table(f"manage: p50 / p99 in ms, {name}", ["what", *(f"{count} tokens" for count in sizes)], rows)
