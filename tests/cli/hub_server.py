"""A hub on this machine for the tests of get-model.sh: answers as huggingface.co does (and as OpenAI's
host), with the faults that a test asks for. Content is served by a second server, the "CDN"."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def arguments_of_all_processes():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer):
        """answer(handler) sends the response to a request, which is in self.requests by then."""
        server = self
        self.requests = []  # (method, path, headers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append((self.command, self.path, dict(self.headers)))
                answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def gets(self, ending=""):
        return [headers for method, path, headers in self.requests
                if method == "GET" and path.endswith(ending)]


def reply(handler, status, headers=(), content=b""):
    handler.send_response(status)
    for name, value in dict(headers).items():
        handler.send_header(name, value)
    if "Content-Length" not in dict(headers):
        handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


class Hub:
    def __init__(self):
        self.files = {}        # "org/name/FILE" -> content
        self.large = set()     # of these: the ones that the CDN serves
        self.token = None      # needed to see anything
        self.watch_for = None  # a secret that no process list may show
        self.seen = False
        self.stated_hash = {}  # lies, by path
        self.stated_size = {}
        self.no_hash = False
        self.cdn_status = None
        self.ignore_ranges = False
        self.break_after = []  # bytes after which the CDN hangs up: one entry a GET
        self.stall_after = None  # bytes after which the CDN falls silent
        self.stalled, self.release = threading.Event(), threading.Event()
        self.server = Server(self.answer)
        self.cdn_server = Server(self.answer_cdn)
        self.cdn_host = self.cdn_server.url

    def add(self, path, content, large=None):
        self.files[path] = content
        if large or (large is None and path.endswith((".safetensors", ".bin"))):
            self.large.add(path)

    def answer(self, handler):
        if self.watch_for:
            self.seen |= any(self.watch_for.encode() in text for text in arguments_of_all_processes())
        path = urlsplit(handler.path).path.lstrip("/")
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return reply(handler, 401)
        if path.startswith("clip/models/"):  # OpenAI's host: no redirect, an ETag of another kind
            return self.send_file(handler, path, {"ETag": "0x8D8A9C3F3A5F0E1"})
        cached = path.startswith("api/resolve-cache/")
        path = path.removeprefix("api/resolve-cache/models/")
        repository, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        if revision not in ("main", COMMIT) or f"{repository}/{file}" not in self.files:
            return reply(handler, 404, {"X-Error-Code": "EntryNotFound"})
        path = f"{repository}/{file}"
        content = self.files[path]
        if path in self.large:
            headers = {"Location": f"{self.cdn_host}/{path}?Signature=abc&x={{1}}",
                       "X-Linked-Etag": f'"{self.stated_hash.get(path, sha256(content))}"',
                       "X-Linked-Size": str(self.stated_size.get(path, len(content))),
                       "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes", "ETag": '"abc"'}
            if self.no_hash:
                del headers["X-Linked-Etag"]
            return reply(handler, 302, headers)
        if not cached:  # small files take one relative redirect
            return reply(handler, 307, {"Location": "/api/resolve-cache/models" + handler.path,
                                        "X-Repo-Commit": COMMIT})
        etag = self.stated_hash.get(path, git_sha1(content))
        return self.send_file(handler, path, {"ETag": f'W/"{etag}"', "X-Repo-Commit": COMMIT})

    def answer_cdn(self, handler):
        if self.cdn_status:
            return reply(handler, self.cdn_status)
        return self.send_file(handler, urlsplit(handler.path).path.lstrip("/"), {})

    def send_file(self, handler, path, headers):
        if path not in self.files:
            return reply(handler, 404)
        content, status = self.files[path], 200
        wanted = handler.headers.get("Range")
        if wanted and not self.ignore_ranges:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(content):
                return reply(handler, 416)
            headers = {**headers, "Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            content, status = content[first:], 206
        headers = {**headers, "Content-Length": str(len(content))}
        if handler.command == "GET" and self.break_after:
            content = content[:self.break_after.pop(0)]
        if handler.command == "GET" and self.stall_after is not None:
            reply(handler, status, headers, content[:self.stall_after])
            handler.wfile.flush()
            self.stalled.set()
            self.release.wait(60)
            return None
        return reply(handler, status, headers, content)

    def close(self):
        self.release.set()
        for server in (self.server, self.cdn_server):
            server.shutdown()
            server.server_close()


class KeepRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Proxy(Server):
    """Forwards by a table of host names, which exist nowhere else."""

    def __init__(self, hosts):
        self.hosts = hosts
        super().__init__(self.forward)

    def forward(self, handler):
        url = urlsplit(handler.path)
        target = self.hosts[url.netloc] + url.path + (f"?{url.query}" if url.query else "")
        headers = {name: value for name, value in handler.headers.items() if name != "Host"}
        try:
            answer = build_opener(KeepRedirects, ProxyHandler({})).open(
                Request(target, headers=headers, method=handler.command))
        except HTTPError as error:
            answer = error
        content = answer.read()
        kept = {name: value for name, value in answer.headers.items() if name not in ("Server", "Date")}
        reply(handler, answer.status, kept, content)
