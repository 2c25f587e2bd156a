"""Read all pages of a service, many at a time, in a program that reads one after the other.

Each page names the next one, so the program cannot ask for a page before it has the one before. But the offsets go up
by 25, which is easy to predict. `@query` is the author's promise: the answer depends on the arguments alone, and asking
changes nothing. So workers may ask early, twice or in vain. `--rate 100/s` limits how many requests begin.
"""

from __future__ import annotations

import argparse
import json
import textwrap
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from asc_toy import accelerate, query

SIZE = 25  # items of a page
LATENCY = 0.02  # seconds


@query
def page(address: str) -> Any:
    """Fetch a page."""
    with urlopen(address, timeout=60) as answer:
        return json.load(answer)


def step(state: Any) -> None:
    """Read one page, and find the offset of the next. Only a number can be predicted, so the address is taken apart."""
    found = page(f"{state.service}/items?offset={state.offset}")
    state.add("items", len(found["items"]))
    state.add("total", sum(found["items"]))  # order-free: workers add their parts, and need no total before them
    state.offset = int(parse_qs(urlsplit(found["next"]).query)["offset"][0]) if found["next"] else -1


class Service(BaseHTTPRequestHandler):
    """Answers each request after a while, as a service far away does."""

    pages = requests = 0

    def do_GET(self) -> None:
        """Answer with the items of a page, and the address of the next one."""
        time.sleep(LATENCY)
        type(self).requests += 1
        first = int(parse_qs(urlsplit(self.path).query)["offset"][0])
        after, end = first + SIZE, SIZE * self.pages
        items = [item * item % 1009 for item in range(first, min(after, end))]
        body = json.dumps({"items": items, "next": f"/items?offset={after}" if after < end else None}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Show nothing."""


class Server(ThreadingHTTPServer):
    """Serves requests in threads, of which many may come at once."""

    request_queue_size = 256


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--pages", type=int, default=600)
parser.add_argument("--workers", type=int, default=32)
parser.add_argument("--rate", help="requests that begin a second at most, such as 100/s")
options = parser.parse_args()

Service.pages = options.pages
with Server(("127.0.0.1", 0), Service) as server:
    Thread(target=server.serve_forever, daemon=True).start()
    state = {"service": f"http://127.0.0.1:{server.server_port}", "offset": 0, "items": 0, "total": 0}
    config = {"executor": "threads", "workers": options.workers, "rate": options.rate}
    result = accelerate(step, state, config=config, until=lambda state: state.offset < 0, compare_plain=True)
    server.shutdown()

expected = sum(item * item % 1009 for item in range(SIZE * options.pages))
print(f"{result.state['items']:,} items, total {result.state['total']:,}, expected {expected:,}.")
print(f"The service answered {Service.requests:,} requests: {options.pages:,} of the plain run, and the others.")
print(textwrap.fill(result.report, 80))
