"""Rolling restarts: two replicas behind a load balancer, each stopped and started again and again under load."""

import base64
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time

from lib.database import Postgres
from lib.load import STORE
from lib.machine import ROOT, Folder, free_port
from lib.report import table
from lib.server import SECRET, TOKEN, Tenure

ROLLS = int(os.environ.get("BENCH_ROLLS", "20"))
CLIENTS = int(os.environ.get("BENCH_CLIENTS", "8"))
DRAIN = "1s"
BEARER = {"Tenant-ID": "bench", "Authorization": f"Bearer {TOKEN}"}
BASIC = {"Tenant-ID": "bench", "Authorization": "Basic " + base64.b64encode(f"shop:{SECRET}".encode()).decode()}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Client:
    """One connection that is kept as long as the server keeps it; every request that fails is noted, none is sent twice."""

    def __init__(self, port, over, number):
        self.port, self.over, self.random, self.connection = port, over, random.Random(number), None
        self.times, self.failed, self.opened = [], [], 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def ask(self, path, headers, body, media, expected=200):
        begun = time.perf_counter()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                self.opened += 1
            self.connection.request("POST", path, body, {**headers, "Content-Type": media})
            answer = self.connection.getresponse()
            text = answer.read().decode()
            if answer.will_close:
                self.connection.close()
                self.connection = None
            if answer.status != expected:
                self.failed.append(f"{path}: {answer.status} {text[:100]}")
                return None
            return text
        except (OSError, http.client.HTTPException) as fault:
            self.connection = None
            self.failed.append(f"{path}: {fault!r}")
            return None
        finally:
            self.times.append((time.perf_counter() - begun) * 1000)

    def run(self):
        while not self.over.is_set():
            self.random.choice([self.sign_in, self.exchange, self.alone])()

    def body(self):
        return json.dumps({"sub": f"u{self.random.randrange(10_000)}", "cid": "shop", "scp": ["app:read"], "irt": True})

    def sign_in(self):
        """Tokens, which every replica then knows."""
        if text := self.ask(f"{STORE}/authorizations?return=tokens", BEARER, self.body(), JSON):
            self.ask(f"{STORE}/inspection", BEARER, "access_token=" + json.loads(text)["access_token"], FORM)

    def exchange(self):
        if code := self.ask(f"{STORE}/authorizations", BEARER, self.body(), JSON):
            self.ask(f"{STORE}/authorizations", BEARER, f"client_id=shop&code={code}", FORM)
            self.ask(f"{STORE}/authorizations", BEARER, f"client_id=shop&code={code}", FORM, 404)

    def alone(self):
        self.ask("/token", BASIC, "grant_type=client_credentials", FORM)


def roll(replicas, start, figures):
    """Stops each replica as an orchestrator does, and goes on once its successor is ready and has been seen."""
    for number, replica in enumerate(replicas):
        begun = time.perf_counter()
        replica.stop()
        figures["exit"].append(time.perf_counter() - begun)
        figures["codes"].append(replica.process.returncode)
        replicas[number] = start(number)
        figures["ready"].append(replicas[number].start_seconds)
        time.sleep(0.5)


def run():
    figures = {"exit": [], "ready": [], "codes": []}
    with Folder() as folder:
        database = Postgres(folder)
        ports = [(free_port(), free_port()) for _ in range(2)]

        def start(number):
            return Tenure(database, folder, ports[number], TENURE_DRAIN_DELAY=DRAIN)

        replicas, port = [start(number) for number in range(2)], free_port()
        targets = [f"{public}:{ops}" for public, ops in ports]
        balancer = subprocess.Popen([sys.executable, str(ROOT / "bench" / "lib" / "balancer.py"), str(port), *targets])
        time.sleep(1)
        over = threading.Event()
        clients = [Client(port, over, number) for number in range(CLIENTS)]
        begun = time.perf_counter()
        try:
            for _ in range(ROLLS):
                roll(replicas, start, figures)
        finally:
            over.set()
            for client in clients:
                client.thread.join()
            seconds = time.perf_counter() - begun
            for process in (*replicas, database):
                process.stop()
            balancer.kill()
            balancer.wait()
    report(clients, figures, seconds)


def report(clients, figures, seconds):
    times = sorted(time for client in clients for time in client.times)
    failed = [fault for client in clients for fault in client.failed]
    table(f"rolling: two replicas, PostgreSQL, each restarted {ROLLS} times, drain delay {DRAIN}", ["what", "figure"], [
        ["requests", len(times)],
        ["… that failed", len(failed)],
        ["requests per s", len(times) / seconds],
        ["connections opened", sum(client.opened for client in clients)],
        ["p50 ms", statistics.median(times)],
        ["p99 ms", times[int(len(times) * 0.99)]],
        ["slowest ms", times[-1]],
        ["SIGTERM to exit, median s", statistics.median(figures["exit"])],
        ["start to ready, median s", statistics.median(figures["ready"])],
        ["exits with another code than 0", sum(code != 0 for code in figures["codes"])],
    ])
    for fault in failed[:10]:
        print(" ", fault)
