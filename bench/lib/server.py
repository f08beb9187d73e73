"""The servers that are measured. Each is ended by its own process id."""

import atexit
import hashlib
import os
import pathlib
import secrets
import subprocess
import time
import urllib.error
import urllib.request

from .machine import ROOT, SERVER_CORE, cpu_seconds, free_port, pinned

BUILD = pathlib.Path(os.environ.get("BENCH_FROM") or ROOT / "target" / "release")
TOKEN = "bench-api-token-0123456789abcdef"
PLATFORM = "bench-platform-token-0123456789abcdef"
SECRET = "bench-shop-secret-0123456789"
MASTER_KEY = secrets.token_urlsafe(32)
SERVICE_SECRET = "bench-service-secret-0123456789"


class Server:
    """A process on the server's core that answers HTTP."""

    def __init__(self, command, env, port, ready, cwd=ROOT):
        begun = time.perf_counter()
        env = {**os.environ, "TOKIO_WORKER_THREADS": "1", **env}
        with open(os.environ.get("BENCH_LOG") or os.devnull, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(pinned(SERVER_CORE, command), env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=log)
        self.pid, self.port, self.base = self.process.pid, port, f"http://127.0.0.1:{port}"
        atexit.register(self.stop)
        self.wait(ready)
        self.start_seconds = time.perf_counter() - begun

    def wait(self, ready):
        for _ in range(60_000):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended at once: {self.process.args}")
            try:
                urllib.request.urlopen(ready, timeout=5).close()
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.01)
        raise RuntimeError("the server did not get ready")

    def cpu(self):
        return cpu_seconds(self.pid)

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bare(Server):
    """The frameworks alone."""

    def __init__(self):
        port = free_port()
        super().__init__([str(BUILD / "examples" / "bare")], {"BARE_LISTEN": f"127.0.0.1:{port}"}, port,
                         f"http://127.0.0.1:{port}/ready")


class Tenure(Server):
    """Tenure on a database, with the tenants of `tenants_file`."""

    def __init__(self, database, folder, ports=None, **env):
        file = folder / "tenants.toml"
        if not file.exists():
            file.write_text(tenants_file())
            file.chmod(0o600)
        port, ops = ports or (free_port(), free_port())
        env = {
            "TENURE_LISTEN": f"127.0.0.1:{port}", "TENURE_OPS_LISTEN": f"127.0.0.1:{ops}",
            "TENURE_DATABASE_URL": database.url, "TENURE_TENANTS": str(file),
            "TENURE_MASTER_KEY": MASTER_KEY, **env,
        }
        self.ops = ops
        super().__init__([str(BUILD / "tenure"), "serve"], env, port, f"http://127.0.0.1:{ops}/health/ready")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def tenants_file():
    """Four tenants that differ in how tokens are signed and whether they are registered."""
    parts = [f'[platform]\napi_token_sha256 = ["{sha256(PLATFORM)}"]\n']
    for number, (tid, alg, registry) in enumerate(
            [("bench", "ES256", "true"), ("es-free", "ES256", "false"), ("rs", "RS256", "true"), ("rs-free", "RS256", "false")]):
        parts.append(f'''
[[tenant]]
id = "{tid}"
issuer = "http://127.0.0.1:8080/t/{tid}"
[tenant.authz_store]
api_token_sha256 = ["{sha256(TOKEN)}"]
code_lifetime = 600
[tenant.access_token]
lifetime = 86400
jws_alg = "{alg}"
registry = {registry}
[tenant.management]
service_api_key = {10000001 + number}
service_api_secret_sha256 = "{sha256(SERVICE_SECRET)}"
[[tenant.client]]
client_id = "shop"
number = 20000001
client_secret = "{SECRET}"
auth_method = "client_secret_basic"
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
redirect_uris = ["http://127.0.0.1:3000/in"]
scope = "openid email app:read app:write iam:admin.read iam:admin.write"
introspection = true
''')
    return "".join(parts)
