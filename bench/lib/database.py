"""The two databases, each fresh and in a folder of its own: a URL for Tenure, and SQL for what is put in beside it."""

import os
import sqlite3
import subprocess
import time

from .machine import LOAD_CORE, free_port, nice, pinned



class Sqlite:
    name = "SQLite"

    def __init__(self, folder):
        self.path = folder / "tenure.db"
        self.url = f"sqlite://{self.path}?mode=rwc"

    def stop(self):
        pass

    def sql(self, *statements):
        """Runs statements while the server may run too; returns the rows of the last one."""
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            db.execute("PRAGMA cache_size=-200000")
            db.execute("BEGIN IMMEDIATE")
            rows = [db.execute(statement).fetchall() for statement in statements][-1]
            db.execute("COMMIT")
            return rows
        finally:
            db.close()

    def series(self, count):
        return f"(WITH RECURSIVE s(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM s WHERE i < {count}) SELECT i FROM s) AS s"

    def id(self, letter):
        """An id of 16 bytes, spread over what an id may begin with as random ones are."""
        return f"CAST(printf('%s{letter}%014d', char(33 + i % 90), i) AS BLOB)"

    def padded(self, text):
        return f"printf('{text}%07d', i)"

    def settle(self):
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("ANALYZE")
        db.close()


class Postgres:
    name = "PostgreSQL"

    def __init__(self, folder):
        self.folder = folder / "pg"
        self.folder.mkdir()
        self.port = free_port()
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            subprocess.run(["chown", "postgres", str(self.folder)], check=True)
        self.run("initdb", "-D", str(self.folder / "data"), "-U", "bench", "-A", "trust", "--no-sync")
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}",
                   "shared_buffers=512MB", "max_wal_size=4GB", "max_connections=100"]
        command = ["postgres", "-D", str(self.folder / "data"), *[part for o in options for part in ("-c", o)]]
        self.process = subprocess.Popen(nice([*self.user, *command]), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/")
        self.url = f"postgres://bench@127.0.0.1:{self.port}/postgres"
        for _ in range(200):
            if subprocess.run(["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start")

    def run(self, *command):
        subprocess.run([*self.user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def stop(self):
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        self.process.wait()

    def sql(self, *statements):
        command = ["psql", self.url, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        text = ";\n".join(statements)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [tuple(line.split("|")) for line in done.stdout.splitlines()]

    def series(self, count):
        return f"generate_series(1, {count}) AS s(i)"

    def id(self, letter, number="i"):
        return f"convert_to(chr(33 + {number} % 90) || '{letter}' || lpad({number}::text, 14, '0'), 'UTF8')"

    def padded(self, text):
        return f"'{text}' || lpad(i::text, 7, '0')"

    def settle(self):
        self.sql("VACUUM ANALYZE")
        self.sql("CHECKPOINT")

    def pgbench(self, script, seconds, clients=16):
        """Transactions per second of a script."""
        path = self.folder / "script.sql"
        path.write_text(script)
        command = pinned(LOAD_CORE, ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T",
                                     str(max(2, int(seconds))), "-f", str(path), self.url])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if line.startswith("tps ="):
                return float(line.split()[2])
        raise RuntimeError(done.stderr[-500:])


def open_database(kind, folder):
    return Sqlite(folder) if kind == "sqlite" else Postgres(folder)
