"""One request to the hub on this machine and its answer: who may ask, how much is read, what every answer carries."""

import hashlib
import hmac
import io
import json
import re
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ValidationError

from impossible_lms import __version__
from impossible_lms.errors import UserError
from impossible_lms.publishing.hub_blobs import Refused
from impossible_lms.publishing.hub_store import Store

HOST = "127.0.0.1"
CHUNK = 1 << 20
LARGEST_JSON = 8 << 20
MOST_TRAILERS = 100
_HEX = re.compile(rb"[0-9a-fA-F]{1,15}")
# Whatever is stored here: a browser that is led to it shows nothing of it and runs nothing.
_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}

Body = TypeVar("Body", bound=BaseModel)


class LoopbackServer(ThreadingHTTPServer):
    """Serves a store on loopback, a thread a connection. `log` is told each request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, store: Store, handler: type["Exchange"], port: int, log: Callable[[str], None] | None = None
    ) -> None:
        self.store, self.log = store, log
        try:
            super().__init__((HOST, port), handler)
        except (OSError, OverflowError) as error:
            raise UserError(f"--port {port}: cannot be listened on ({error}). Choose another port.") from error

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://{HOST}:{self.server_port}"

    def signature(self, sha256: str, size: int) -> str:
        """What lets its holder upload this content to this hub."""
        return hmac.new(self.store.key, f"{sha256} {size}".encode(), hashlib.sha256).hexdigest()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault of the server; anything else is printed as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Exchange(BaseHTTPRequestHandler, ABC):
    """One connection; a subclass answers its requests in `answer`."""

    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    server_version = f"impossible-lms/{__version__}"
    timeout = 60  # seconds that a silent client is waited for, and one that sends slowly
    slowest = 1_000  # bytes a second that it has to send from then on, on average
    lingers = 30  # seconds at most that are spent on what it still sends after the last answer
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._arriving = _Arriving(self.connection, self.timeout, self.slowest)
        self.rfile = io.BufferedReader(self._arriving)

    def handle_one_request(self) -> None:
        self._arriving.begin()
        super().handle_one_request()

    def finish(self) -> None:
        """Let the last answer arrive: TCP throws it away where a connection closes with something unread.

        So what still comes is read and dropped until the client is done (RFC 9112, section 9.6).
        """
        super().finish()
        if self._arriving.is_late:
            return
        end = time.monotonic() + self.lingers
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(CHUNK):
                    return

    @abstractmethod
    def answer(self) -> None:
        """Answer the request, or raise Refused."""

    def do_GET(self) -> None:
        self._unread = (
            self.headers.get("Transfer-Encoding") is not None or self.headers.get("Content-Length", "0") != "0"
        )
        try:
            try:
                self._check_host()
                self.answer()
            except (ConnectionError, TimeoutError):
                raise
            except UserError as error:  # what the hub keeps is damaged
                raise Refused(500, "", str(error)) from error
            except OSError as error:
                raise Refused(507, "", f"the hub's disk: {error.strerror}.") from error
        except Refused as refused:
            said = re.sub(r"\s+", " ", refused.message).encode("latin-1", "replace").decode("latin-1")
            headers = {"X-Error-Message": said, **refused.headers}
            if refused.code:
                headers["X-Error-Code"] = refused.code
            self.send_json({"error": refused.message, **refused.facts}, refused.status, headers)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        if self.server.log is not None:
            self.server.log(format % args)

    # The answer

    def send_json(
        self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = "application/json"
    ) -> None:
        """Answer with JSON."""
        body = json.dumps(value).encode()
        self.send_head(status, {**(headers or {}), "Content-Length": str(len(body)), "Content-Type": kind})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_head(self, status: int, headers: Mapping[str, str]) -> None:
        """The status line and headers; the connection ends with the answer if the body was not read."""
        if self._unread:
            self.close_connection = True
        self.send_response(status)
        for name, value in {**_SAFE, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    # The request

    def _check_host(self) -> None:
        """Only requests for this machine by a name of its own: a page elsewhere must not reach it through DNS."""
        if not re.fullmatch(rf"({re.escape(HOST)}|localhost)(:[0-9]+)?", self.headers.get("Host", "")):
            raise Refused(403, "", f"the Host header must be {HOST} or localhost.")

    def has_token(self) -> bool:
        """Whether a token came along; any is good."""
        return bool(re.fullmatch(r"Bearer \S+", self.headers.get("Authorization", "")))

    def need_token(self) -> None:
        """Refused where none came: what changes the hub needs one, and a page in a browser cannot send any."""
        if not self.has_token():
            raise Refused(401, "", "Invalid username or password.")

    def query(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def sent(self, kind: type[Body]) -> Body:
        """The JSON in the body, checked."""
        return parsed(kind, self.body() or b"{}")

    def body(self, limit: int = LARGEST_JSON) -> bytes:
        """The body, if it has at most `limit` bytes."""
        parts, size = [], 0
        for chunk in self.chunks(limit):
            size += len(chunk)
            parts.append(chunk)
        return b"".join(parts)

    def chunks(self, limit: int) -> Iterator[bytes]:
        """The body as it comes, in pieces; Refused where it has more than `limit` bytes or ends too early."""
        chunked = self._is_chunked()
        left = 0 if chunked else self._content_length()
        seen = left
        while True:
            if chunked and not left:
                left = self._chunk_size()
                seen += left
            if seen > limit:
                raise Refused(413, "", f"at most {limit} bytes are taken here.")
            if not left:
                break
            data = self.rfile.read(min(left, CHUNK))
            if not data:
                raise self._malformed()
            left -= len(data)
            yield data
            if chunked and not left and self.rfile.readline(8).strip():
                raise self._malformed()
        is_last = (not self.rfile.readline(1 << 10).strip() for _ in range(MOST_TRAILERS))
        if chunked and not any(is_last):
            raise self._malformed()
        self._unread = False

    def _is_chunked(self) -> bool:
        """Whether the body comes in chunks; Refused for other ways, and where its length is said in two."""
        said = self.headers.get_all("Transfer-Encoding", [])
        if said and ([each.lower() for each in said] != ["chunked"] or "Content-Length" in self.headers):
            raise self._malformed()
        return bool(said)

    def _content_length(self) -> int:
        said = self.headers.get_all("Content-Length", ["0"])
        if len(said) > 1 or not re.fullmatch(r"[0-9]{1,18}", said[0]):
            raise self._malformed()
        return int(said[0])

    def _chunk_size(self) -> int:
        line = self.rfile.readline(1 << 10).split(b";")[0].strip()
        if not _HEX.fullmatch(line):
            raise self._malformed()
        return int(line, 16)

    def _malformed(self) -> Refused:
        self.close_connection = True
        return Refused(400, "", "the request is malformed or ended too early.")

    def send_file(self, path: Path, size: int, headers: Mapping[str, str]) -> None:
        """Answer with a file, or with the part of it that is asked for; it is never held in memory."""
        first, last = self._range(size)
        status, more = 200, {"Accept-Ranges": "bytes", "Content-Length": str(last - first + 1)}
        if (first, last) != (0, size - 1):
            status, more = 206, more | {"Content-Range": f"bytes {first}-{last}/{size}"}
        with path.open("rb") as file:
            self.send_head(status, {**headers, **more})
            if self.command != "HEAD" and last >= first:
                self.connection.sendfile(file, first, last - first + 1)

    def _range(self, size: int) -> tuple[int, int]:
        """The first and last byte that are asked for."""
        match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", self.headers.get("Range", ""))
        if not match or match[0] == "bytes=-":
            return 0, size - 1
        if not match[1]:
            first, last = max(0, size - int(match[2])), size - 1
        else:
            first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if first > last:
            raise Refused(416, "", f"the file has {size} bytes.", {"Content-Range": f"bytes */{size}"})
        return first, last


class _Arriving(io.RawIOBase):
    """What a client sends: TimeoutError where it is silent for `seconds`, or sends less than `slowest` bytes a second.

    The second is asked of a request from `seconds` after its first byte on; between requests nothing is expected.
    """

    is_late = False  # whether it was cut for that, or went away

    def __init__(self, connection: socket.socket, seconds: float, slowest: float) -> None:
        self._connection, self._seconds, self._slowest = connection, seconds, slowest
        self.begin()

    def begin(self) -> None:
        """A new request comes next."""
        self._began, self._count = None, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        patience, self.is_late = self._seconds, True
        if self._began is not None:
            end = self._began + self._seconds + self._count / self._slowest
            patience = min(patience, end - time.monotonic())
            if patience <= 0:
                raise TimeoutError("a client sends too slowly")
        self._connection.settimeout(patience)
        try:
            count = self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(self._seconds)
        self.is_late = False
        self._began = time.monotonic() if self._began is None else self._began
        self._count += count
        return count

    _began: float | None
    _count: int


def parsed(kind: type[Body], text: bytes) -> Body:
    """The value that a JSON text holds; Refused, with the field, where it is none."""
    return _checked(lambda: kind.model_validate_json(text))


def checked(kind: type[Body], value: Mapping[str, Any]) -> Body:
    """The same of what a JSON text held."""
    return _checked(lambda: kind.model_validate(value))


def _checked(read: Callable[[], Body]) -> Body:
    try:
        return read()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(400, "", f"{place}: {first['msg']}.") from error
