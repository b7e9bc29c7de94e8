"""Requests to a Lesion Tracker server, with nothing but Python's standard library."""

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

TIMEOUT_S = 900


class ServerError(Exception):
    """The server refused a request or did not answer; the message is for the reader."""


class Server:
    """A Lesion Tracker server.

    Args:
        url: its address, "http://127.0.0.1:8000".
        reader: who works with it.
        token: a bearer token, "" on a server without log-in.
    """

    def __init__(self, url: str, reader: str = "", token: str = "") -> None:
        self.url = url.rstrip("/")
        self.reader = reader
        self._token = token

    def has_study(self, study_id: str) -> bool:
        """Say whether the server has a study of this id."""
        known = json.loads(self._send("GET", "/datastore/?output=all"))
        return study_id in known.get("objects", {})

    def upload(self, study_id: str, file: Path, patient: str = "", date: str = "") -> str:
        """Upload a volume; the same volume again changes nothing, another one under the same id is refused."""
        params = {name: value for name, value in (("patient", patient), ("date", date)) if value}
        fields = {"params": json.dumps({**params, "client_id": self.reader})}
        answer = self._form("PUT", f"/datastore/?image={_quoted(study_id)}", fields, file)
        return str(json.loads(answer)["image"])

    def infer(self, model: str, study_id: str, params: dict[str, Any]) -> dict[str, Any]:
        """Run mark_lesion, track_lesion or correct_lesion and return the params of its answer."""
        fields = {"params": json.dumps({**params, "client_id": self.reader})}
        path = f"/infer/{model}?image={_quoted(study_id)}&output=json"
        return json.loads(self._form("POST", path, fields))

    def accept(self, study_id: str, lesion_id: str, created_at: str) -> None:
        """Say that a tracked point is right."""
        body = {"study": study_id, "lesion": lesion_id, "track": created_at, "reader": self.reader}
        self._send("POST", "/lesions/accept", json.dumps(body).encode(), "application/json")

    def _form(self, method: str, path: str, fields: dict[str, str], file: "Path | None" = None) -> bytes:
        mark = uuid.uuid4().hex
        parts = [_part(mark, f'name="{name}"', value.encode()) for name, value in fields.items()]
        if file is not None:
            parts.append(_part(mark, f'name="file"; filename="volume{"".join(file.suffixes)}"', file.read_bytes()))
        body = b"".join(parts) + f"--{mark}--\r\n".encode()
        return self._send(method, path, body, f"multipart/form-data; boundary={mark}")

    def _send(self, method: str, path: str, body: "bytes | None" = None, kind: str = "") -> bytes:
        headers = {"Content-Type": kind} if kind else {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise ServerError(_detail(error)) from None
        except OSError as error:
            raise ServerError(f"{self.url} does not answer ({error}): is the server running?") from None


def _detail(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}: {text[:300]}"


def _part(mark: str, disposition: str, content: bytes) -> bytes:
    return f"--{mark}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
