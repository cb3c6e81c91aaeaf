"""A hub of one's own on 127.0.0.1: what the real one answers to those who fetch models and datasets. Holds no test."""

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import datasets
import huggingface_hub
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Closed(NamedTuple):
    """A repository that the hub does not open: its status and the words that it sends along."""

    status: int
    code: str
    message: str = ""
    listed: Path | None = None
    """The folder, where all may see what is in it and none may fetch it: as the hub does it with gated ones."""


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, repositories: dict[str, Path | Closed]) -> Iterator[list[str]]:
    """Serves repositories (`models/ID` and `datasets/ID` -> folder), all at COMMIT; gives the paths asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Hub,), {"repositories": repositories, "asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", address)
        yield asked
        server.shutdown()
        thread.join()


class _Hub(http.server.BaseHTTPRequestHandler):
    repositories: dict[str, Path | Closed]
    asked: list[str]

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.asked.append(path)
        api = re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)(/.*)?", path)
        file = re.fullmatch(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/[^/]+/(.+)", path)
        name = api[1] if api else f"{file[1] or 'models'}/{file[2]}" if file else ""
        repository = self.repositories.get(name, Closed(401, "RepoNotFound"))
        if isinstance(repository, Closed) and repository.listed and api and "auth-check" not in path:
            repository = repository.listed
        if isinstance(repository, Closed):
            self._send(b"", status=repository.status, headers=_words(repository))
        elif api:
            self._api(name, repository, api[2] or "")
        elif file:
            self._file(repository / file[3])

    do_HEAD = do_POST = do_GET  # noqa: N815

    def _api(self, name: str, folder: Path, rest: str) -> None:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if rest.startswith("/tree/"):
            below = folder / "/".join(rest.split("/")[3:])
            whole = "recursive=true" in self.path.lower()
            self._json([_entry(path, folder) for path in sorted(below.rglob("*") if whole else below.glob("*"))])
        elif rest.startswith("/paths-info/"):
            length = int(self.headers["Content-Length"])
            wanted = self.rfile.read(length).decode()
            self._json([_entry(path, folder) for path in files if path.relative_to(folder).as_posix() in wanted])
        elif rest in ("", f"/revision/{COMMIT}", "/revision/main"):
            siblings = [{"rfilename": path.relative_to(folder).as_posix()} for path in files]
            self._json({"id": name.partition("/")[2], "sha": COMMIT, "siblings": siblings, "tags": []})
        elif rest == "/auth-check":
            self._json({})
        else:
            self._send(b"", status=404, headers={"X-Error-Code": "EntryNotFound"})

    def _file(self, path: Path) -> None:
        if not path.is_file():
            self._send(b"", status=404, headers={"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        self._send(content, headers={"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'})

    def _json(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), headers={"Content-Type": "application/json"})

    def _send(self, content: bytes, *, status: int = 200, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""


def _words(repository: Closed) -> dict[str, str]:
    return {"X-Error-Code": repository.code, "X-Error-Message": repository.message}


def _entry(path: Path, folder: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": "0" * 40}
    content = path.read_bytes()
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
