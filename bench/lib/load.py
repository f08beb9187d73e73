"""Load: wrk for rates, and a small client with its own clock for latencies beside other work."""

import base64
import http.client
import json
import statistics
import subprocess
import threading
import time

from .machine import LOAD_CORE, ROOT, ROUNDS, SECONDS, pinned
from .server import SECRET, TOKEN

SCRIPT = ROOT / "bench" / "wrk" / "load.lua"
FORM, JSON = "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json"
STORE = "/authz-store/rest/v3"


def of_tenant(tid="bench"):
    return [f"Tenant-ID: {tid}", f"Authorization: Bearer {TOKEN}"]


def of_client(tid="bench"):
    pair = base64.b64encode(f"shop:{SECRET}".encode()).decode()
    return [f"Tenant-ID: {tid}", f"Authorization: Basic {pair}", FORM]


class Result:
    """What one load came to."""

    def __init__(self, told, cpu):
        self.requests, self.refused, self.broken = told["requests"], told["refused"], told["broken"]
        self.rate = told["requests"] * 1e6 / max(told["us"], 1)
        self.p50, self.p99 = told["p50"] / 1000, told["p99"] / 1000
        self.cpu_us = cpu * 1e6 / max(told["requests"], 1)


def wrk(server, folder, requests, headers, mode="cycle", seconds=SECONDS, collect=None, connections=32):
    """Sends requests `(method, path[, body])`; returns a Result. `collect` is a file for the answers' bodies."""
    file = folder / "requests.txt"
    with open(file, "w", encoding="utf-8") as out:
        out.writelines("\t".join(request) + "\n" for request in requests)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(SCRIPT), server.base,
               "--", str(file), mode, str(collect or "-"), *headers]
    before = server.cpu()
    done = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=False)
    cpu = server.cpu() - before
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return Result(json.loads(line[7:]), cpu)
    raise RuntimeError(done.stdout[-500:] + done.stderr[-500:])


def rounds(loads):
    """Runs each of `{name: function(seconds)}` in turns, and returns the median Result of each by its rate."""
    found = {name: [] for name in loads}
    for _ in range(ROUNDS):
        for name, load in loads.items():
            found[name].append(load(SECONDS / ROUNDS))
    return {name: sorted(results, key=lambda r: r.rate)[len(results) // 2] for name, results in found.items()}


class Client:
    """One connection."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)

    def ask(self, method, path, headers, body=None):
        pairs = dict(header.split(": ", 1) for header in headers)
        self.connection.request(method, path, body, pairs)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return text.decode()


class Probe:
    """Asks something again and again in a thread, `pause` seconds apart, and keeps how long each answer took."""

    def __init__(self, server, requests, headers, pause=0.005):
        self.client, self.requests, self.headers, self.pause = Client(server), requests, headers, pause
        self.times, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        at = 0
        while not self.over.is_set():
            method, path, *body = self.requests[at % len(self.requests)]
            at += 1
            begun = time.perf_counter()
            self.client.ask(method, path, self.headers, *body)
            self.times.append((time.perf_counter() - begun) * 1000)
            self.over.wait(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def percentiles(self):
        """p50 and p99 in ms."""
        times = sorted(self.times)
        return [statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.99))]] if times else [None, None]
