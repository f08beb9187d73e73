"""A small load balancer: it carries TCP connections, each to a replica that said lately that it is ready.

    balancer.py PORT REPLICA:OPS REPLICA:OPS …

It looks at `/health/ready` of every replica each tenth of a second. It knows nothing of HTTP beyond that: what a client
sent on a connection that the replica then closes is lost, as it would be without a balancer.
"""

import asyncio
import itertools
import sys

EVERY = 0.1


class Replica:
    def __init__(self, ports):
        self.port, self.ops = map(int, ports.split(":"))
        self.ready = False

    async def ask(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ops)
        try:
            writer.write(b"GET /health/ready HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n")
            return b" 200 " in await reader.readline()
        finally:
            writer.close()

    async def keep_asking(self):
        while True:
            try:
                self.ready = await asyncio.wait_for(self.ask(), 1)
            except (OSError, asyncio.TimeoutError):
                self.ready = False
            await asyncio.sleep(EVERY)


async def pour(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(port, replicas):
    turns = itertools.count()

    async def carry(reader, writer):
        ready = [replica for replica in replicas if replica.ready]
        if not ready:
            writer.close()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", ready[next(turns) % len(ready)].port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pour(reader, there[1]), pour(there[0], writer))

    looking = [asyncio.create_task(replica.keep_asking()) for replica in replicas]
    server = await asyncio.start_server(carry, "127.0.0.1", port)
    await asyncio.gather(server.serve_forever(), *looking)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), [Replica(ports) for ports in sys.argv[2:]]))
