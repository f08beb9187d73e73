#!/usr/bin/env python3
"""Kills a server with SIGKILL in the middle of writes, again and again, and checks what it had acknowledged.

    tests/peers/crash.py target/debug/tenure [--rounds 20] [--postgres BINDIR]

Writers add authorisations, exchange codes, rotate refresh tokens and revoke, each on keys of its own, and keep a history:
what was sent, and what was acknowledged. After each restart every key must be in the state that its last acknowledged
write left, or in that of the one write that was under way. With --postgres the database is a private server that is
stopped with `immediate` (no checkpoint) in every second round. Exit 1 on a lost write.
"""

import argparse
import http.client
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

TOKEN = "crash-test-token-000000000000000000000001"
TENANTS = """
[[tenant]]
id = "acme"
issuer = "http://127.0.0.1/t/acme"
[tenant.authz_store]
api_token_sha256 = ["%s"]
[tenant.refresh_token]
grace = 0
"""
BASE = "/authz-store/rest/v3"


class Lost(Exception):
    """The server went away before it answered: the write may stand or not."""


class Client:
    """One connection, opened anew where it breaks."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def send(self, method, path, body=None, media="application/x-www-form-urlencoded"):
        if body is not None:
            body = json.dumps(body) if media == "application/json" else urllib.parse.urlencode(body)
        headers = {"Tenant-ID": "acme", "Authorization": "Bearer " + TOKEN}
        if body is not None:
            headers["Content-Type"] = media
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.connection.request(method, BASE + path, body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as fault:
            self.connection = None
            raise Lost(str(fault)) from fault

    def post(self, body, query=""):
        return self.send("POST", "/authorizations" + query, body, "application/json")

    def form(self, path, **body):
        return self.send("POST", path, body)


class Key:
    """One subject's history. `live` says what must hold; `pending` what may have happened besides."""

    def __init__(self, name):
        self.name, self.scope, self.access, self.refresh, self.retired = name, None, [], None, []
        self.dead, self.codes_used, self.pending = [], [], None

    def fail(self, text):
        return f"{self.name}: {text}"

    # Every step sets `pending` before it sends, and clears it with the acknowledgement.
    def step(self, client, random_source):
        steps = [self.sign_in, self.exchange]
        if self.refresh:
            steps += [self.rotate, self.rotate, self.revoke]
        random_source.choice(steps)(client)

    def adopt(self, tokens):
        self.access.append(tokens["access_token"])
        self.refresh = tokens["refresh_token"]

    def body(self, scope):
        return {"sub": self.name, "cid": "c", "scp": [scope], "lng": True, "irt": True, "rtr": True, "atl": 86400}

    def sign_in(self, client):
        scope = "s" + secrets.token_hex(4)
        self.pending = ("sign_in", scope)
        status, text = client.post(self.body(scope), "?return=tokens")
        if status == 200:
            self.scope = scope
            self.adopt(json.loads(text))
        self.settled(status, (200,))

    def exchange(self, client):
        scope = "s" + secrets.token_hex(4)
        self.pending = ("sign_in", scope)
        status, code = client.post(self.body(scope))
        self.settled(status, (200,))
        if status != 200:
            return
        self.scope = scope
        self.pending = ("exchange", code)
        status, text = client.form("/authorizations", code=code, client_id="c")
        if status == 200:
            self.codes_used.append(code)
            self.adopt(json.loads(text))
        self.settled(status, (200,))

    def rotate(self, client):
        self.pending = ("rotate", self.refresh)
        status, text = client.form("/authorizations", refresh_token=self.refresh)
        if status == 200:
            self.retired.append(self.refresh)
            self.adopt(json.loads(text))
        self.settled(status, (200,))

    def revoke(self, client):
        self.pending = ("revoke", None)
        status, _ = client.form("/revocation", subject=self.name)
        if status == 200:
            self.die()
        self.settled(status, (200,))

    def die(self):
        self.dead += self.access + [self.refresh]
        self.access, self.refresh, self.scope, self.retired, self.codes_used = [], None, None, [], []

    def settled(self, status, good):
        # 503: nothing was changed, or it is unknown whether it was.
        if status in good:
            self.pending = None
        elif status != 503:
            raise AssertionError(self.fail(f"{self.pending} answered {status}"))

    def check(self, client):
        """Compares the store with the history, then takes the store's word for what was under way."""
        status, text = client.send("GET", f"/authorizations?subject={self.name}&client_id=c")
        scope = json.loads(text)["scp"][0] if status == 200 else None
        under_way, argument = self.pending or (None, None)
        self.pending = None
        if under_way == "revoke" and scope is None:
            self.die()
        elif under_way == "sign_in" and scope == argument:
            self.scope = scope
        if scope != self.scope:
            raise AssertionError(self.fail(f"scope is {scope}, acknowledged was {self.scope}, under way {under_way}"))
        for token in self.dead[-40:]:
            self.inspect(client, token, 404)
        for token in self.access[-40:]:
            self.inspect(client, token, 200)
        if self.refresh:
            status, _ = client.form("/inspection", refresh_token=self.refresh)
            if under_way == "rotate" and status == 404:
                # The rotation stands, and its answer was lost: the client signs in again.
                self.retired, self.refresh = self.retired + [self.refresh], None
            elif status != 200:
                raise AssertionError(self.fail("the current refresh token is lost"))
        for token in self.retired[-5:]:
            self.inspect(client, token, 404)
        for code in self.codes_used[-5:]:
            status, _ = client.form("/inspection", code=code)
            if status != 404:
                raise AssertionError(self.fail("a used code is pending again"))

    def inspect(self, client, token, expected):
        kind = "access_token" if token.startswith("ey") else "refresh_token"
        status, _ = client.form("/inspection", **{kind: token})
        if status != expected:
            raise AssertionError(self.fail(f"a {kind} answers {status} instead of {expected}"))


class Server:
    """The server under test, and its database."""

    def __init__(self, binary, postgres):
        self.binary, self.postgres = os.path.abspath(binary), postgres
        self.folder = tempfile.mkdtemp(prefix="tenure-crash-")
        self.port, self.ops, self.pg = (free_port() for _ in range(3))
        hashed = __import__("hashlib").sha256(TOKEN.encode()).hexdigest()
        with open(os.path.join(self.folder, "tenants.toml"), "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(TENANTS % hashed)
        self.environment = dict(
            os.environ, TENURE_LISTEN=f"127.0.0.1:{self.port}", TENURE_OPS_LISTEN=f"127.0.0.1:{self.ops}",
            TENURE_TENANTS="tenants.toml", TENURE_LOG="warn")
        if postgres:
            self.start_postgres_first()

    def start_postgres_first(self):
        self.data = os.path.join(self.folder, "pg")
        if os.geteuid() == 0:
            os.chmod(self.folder, 0o755)
            os.mkdir(self.data)
            shutil.chown(self.data, "postgres")
        self.as_postgres("initdb", "-D", self.data, "-A", "trust", "-U", "tenure")
        self.pg_ctl("start")
        key = secrets.token_urlsafe(32)
        self.environment |= {"TENURE_MASTER_KEY": key,
                             "TENURE_DATABASE_URL": f"postgres://tenure@127.0.0.1:{self.pg}/postgres"}

    def as_postgres(self, program, *arguments):
        command = [os.path.join(self.postgres, program), *arguments]
        user = {"user": "postgres"} if os.geteuid() == 0 else {}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user)

    def pg_ctl(self, *action):
        options = f"-p {self.pg} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data}"
        self.as_postgres("pg_ctl", "-D", self.data, "-o", options, "-l", os.path.join(self.data, "log"), "-w", *action)

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([self.binary, "serve"], cwd=self.folder, env=self.environment, stdout=log,
                                        stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.ops, timeout=5)
                connection.request("GET", "/health/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server doesn't start: see {log.name}")
            time.sleep(0.05)

    def kill(self, database_too):
        if self.postgres and database_too:
            self.pg_ctl("stop", "-m", "immediate")
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.postgres and database_too:
            self.pg_ctl("start")

    def stop(self):
        self.process.kill()
        self.process.wait()
        if self.postgres:
            self.pg_ctl("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def write(port, keys, over, counts, faults, seed):
    client, source = Client(port), random.Random(seed)
    while not over.is_set():
        key = source.choice(keys)
        if key.pending:
            # Its last write has no answer: nothing more until the store was asked.
            if all(other.pending for other in keys):
                return
            continue
        try:
            key.step(client, source)
            counts[0] += 1
        except Lost:
            counts[1] += 1
        except AssertionError as fault:
            faults.append(str(fault))
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.5, help="at most so long between two kills")
    parser.add_argument("--postgres", metavar="BINDIR", help="the folder of initdb and pg_ctl")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    source, server = random.Random(arguments.seed), Server(arguments.binary, arguments.postgres)
    keys = [[Key(f"u{writer}-{n}") for n in range(6)] for writer in range(arguments.writers)]
    faults, counts = [], [0, 0]
    server.start()
    try:
        for round_number in range(arguments.rounds):
            over = threading.Event()
            writers = [threading.Thread(target=write, args=(server.port, own, over, counts, faults, source.random()))
                       for own in keys]
            for writer in writers:
                writer.start()
            time.sleep(source.uniform(0.3, arguments.seconds))
            server.kill(database_too=round_number % 2 == 1)
            over.set()
            for writer in writers:
                writer.join()
            server.start()
            client = Client(server.port)
            for key in (key for own in keys for key in own):
                try:
                    key.check(client)
                except AssertionError as fault:
                    faults.append(f"round {round_number}: {fault}")
            if faults:
                break
    finally:
        server.stop()
    print(f"{arguments.rounds} kills, {counts[0]} writes acknowledged, {counts[1]} under way, {len(faults)} faults")
    for fault in faults[:20]:
        print(" ", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
