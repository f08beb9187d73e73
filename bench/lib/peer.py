"""oidc-provider from npm, in memory, on the server's core. Left out where there is no node or npm."""

import json
import shutil
import subprocess

from .load import Client, of_client, wrk
from .machine import ROOT, free_port
from .report import say
from .server import SECRET, Server

HERE, INTO = ROOT / "bench" / "peer", ROOT / "target" / "bench-peer"


class Peer(Server):
    def __init__(self):
        port = free_port()
        source = (HERE / "server.mjs").read_text()
        super().__init__(["node", "--input-type=module", "-e", source], {"PEER_PORT": str(port), "PEER_SECRET": SECRET, "NODE_ENV": "production"},
                         port, f"http://127.0.0.1:{port}/.well-known/openid-configuration", cwd=INTO)


def installed():
    """Whether the peer is here, after an attempt to get it."""
    if not shutil.which("npm") or not shutil.which("node"):
        return False
    if not (INTO / "node_modules" / "oidc-provider").exists():
        INTO.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", INTO)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        return subprocess.run(command, cwd=INTO, stdout=subprocess.DEVNULL, check=False).returncode == 0
    return True


def measure(folder):
    """client_credentials and introspection of the peer, by name."""
    if not installed():
        say("\nno node or npm here: oidc-provider was not measured")
        return {}
    peer, results = Peer(), {}
    try:
        ask = "grant_type=client_credentials&scope=app%3Aread&resource=urn%3A"
        for name, resource in [("opaque, in memory", "opaque"), ("ES256", "es"), ("RS256", "rs")]:
            results[f"oidc-provider, client_credentials, {name}"] = wrk(peer, folder, [("POST", "/token", ask + resource)], of_client())
        token = json.loads(Client(peer).ask("POST", "/token", of_client(), ask + "opaque"))["access_token"]
        requests = [("POST", "/token/introspection", f"token={token}")]
        results["oidc-provider, introspection, opaque"] = wrk(peer, folder, requests, of_client())
    finally:
        peer.stop()
    return results
