"""A million long-lived authorisations in one tenant: all of them listed, one looked up meanwhile, all of them revoked."""

import os
import random
import socket
import threading
import time

from lib import seed
from lib.database import open_database
from lib.load import FORM, STORE, Client, Probe, of_tenant
from lib.machine import DATABASES, MILLION, SECONDS, Folder, cpu_seconds, memory
from lib.report import say, table
from lib.server import Tenure

PATIENCE = float(os.environ.get("BENCH_PATIENCE", "60"))


class Memory:
    """The most memory that a process had meanwhile."""

    def __init__(self, pid):
        self.pid, self.most, self.over = pid, memory(pid), threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.1):
            self.most = tuple(max(pair) for pair in zip(self.most, memory(self.pid)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def asking(server, path):
    """A socket on which a list has been asked for."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=600)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    lines = [f"GET {path} HTTP/1.1", "Host: bench", "Connection: close", *of_tenant(), "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def read_all(server, path):
    """Seconds, bytes and authorisations of a whole list."""
    begun, size, found, tail = time.perf_counter(), 0, 0, b""
    with asking(server, path) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        while chunk := connection.recv(1 << 18):
            size += len(chunk)
            found += (tail + chunk).count(b'"sub":')
            tail = (tail + chunk)[-5:]
    assert tail.endswith(b"0\r\n\r\n"), "the list broke off"
    return time.perf_counter() - begun, size, found


class SlowReader:
    """Reads the list of everything at 160 kB/s for as long as it lasts."""

    def __init__(self, server):
        self.over, self.size = threading.Event(), 0
        self.connection = asking(server, f"{STORE}/authorizations")
        self.thread = threading.Thread(target=self.read)

    def read(self):
        while not self.over.wait(0.1):
            got = len(self.connection.recv(16384))
            if not got:
                return
            self.size += got

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.connection.close()


def by_subject():
    return [("GET", f"{STORE}/authorizations?subject=user-{random.randint(1, MILLION):07}") for _ in range(5000)]


def probing(server, work):
    with Probe(server, by_subject(), of_tenant()) as probe:
        done = work()
    return done, probe.percentiles(), len(probe.times)


def revoked(server, form):
    """Milliseconds that a revocation takes, and whether the tokens it kills are dead with the answer."""
    client, begun = Client(server), time.perf_counter()
    client.ask("POST", f"{STORE}/revocation?quiet=true", [*of_tenant(), FORM], form)
    return (time.perf_counter() - begun) * 1000


def purged(server, database):
    """Seconds until what a revocation killed is deleted, or `None` if that takes longer than what is waited."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < PATIENCE:
        if not int(database.sql("SELECT COUNT(*) FROM revocation WHERE NOT purged")[0][0]):
            return time.perf_counter() - begun
        time.sleep(1)
    return None


def prepare(database, folder):
    server = Tenure(database, folder)
    seed.template(server)
    server.stop()
    begun = time.perf_counter()
    seed.authorizations(database, MILLION)
    seed.access_tokens(database, MILLION, "'heavy'", database.padded("app-"))
    database.sql("DELETE FROM access_token WHERE sub = 'template'")
    database.settle()
    say(f"\nseeded {MILLION} authorisations, refresh tokens and access tokens on {database.name} in {time.perf_counter() - begun:.0f} s")


def measure(kind):
    with Folder() as folder:
        database = open_database(kind, folder)
        server, rows = None, []
        try:
            prepare(database, folder)
            server = Tenure(database, folder)
            figures(server, database, rows)
        finally:
            if server:
                server.stop()
            database.stop()
            table(f"store-million: {MILLION} authorisations, {database.name}", ["what", "figure"], rows)


def figures(server, database, rows):
    rows.append(["start of the server on the full store, s", server.start_seconds])
    probing(server, lambda: time.sleep(1))
    heap, rss = memory(server.pid)
    rows.append(["memory before: heap / RSS, MiB", f"{heap:.0f} / {rss:.0f}"])
    _, (p50, p99), count = probing(server, lambda: time.sleep(SECONDS))
    rows.append([f"GET by subject, quiet: p50 / p99 of {count}, ms", f"{p50:.2f} / {p99:.2f}"])
    with Memory(server.pid) as watched, SlowReader(server) as slow:
        before = cpu_seconds(server.pid)
        (seconds, size, found), (p50, p99), count = probing(server, lambda: read_all(server, f"{STORE}/authorizations"))
        used = cpu_seconds(server.pid) - before
    assert found == MILLION + 1, found
    rows += [
        ["all listed, s", seconds], ["… the server's own CPU time, s", used], ["… bytes", size],
        ["memory meanwhile, with a slow reader: heap / RSS, MiB", f"{watched.most[0]:.0f} / {watched.most[1]:.0f}"],
        [f"GET by subject meanwhile: p50 / p99 of {count}, ms", f"{p50:.2f} / {p99:.2f}"],
        ["… the slow reader had read, bytes", slow.size],
    ]
    seconds, _, found = read_all(server, f"{STORE}/authorizations?client_id=shop")
    rows.append(["all of a client listed, s", seconds])
    seconds, _, _ = read_all(server, f"{STORE}/subjects?no_duplicates=true")
    rows.append(["all subjects listed, s", seconds])
    seconds, _, _ = read_all(server, f"{STORE}/refresh-tokens")
    rows.append(["all refresh tokens listed, s", seconds])
    heap, rss = memory(server.pid)
    rows.append(["memory after: heap / RSS, MiB", f"{heap:.0f} / {rss:.0f}"])
    rows.append(["subject with as many access tokens revoked, ms", revoked(server, "subject=heavy")])
    rows.append(["client with as many authorisations revoked, ms", revoked(server, "client_id=shop")])
    left, (p50, p99), count = probing_dead(server, database)
    rows.append(["what they killed deleted in the background, s", left or f"more than {PATIENCE:g}"])
    rows.append([f"GET by subject who has nothing meanwhile: p50 / p99 of {count}, ms", f"{p50:.2f} / {p99:.2f}"])


def probing_dead(server, database):
    """Look-ups of subjects who have nothing, while the dead are deleted."""
    requests = [("GET", f"{STORE}/authorizations?subject=nobody-{i}") for i in range(100)]
    with Probe(server, requests, of_tenant()) as probe:
        left = purged(server, database)
    return left, probe.percentiles(), len(probe.times)


def run():
    for kind in DATABASES:
        measure(kind)
