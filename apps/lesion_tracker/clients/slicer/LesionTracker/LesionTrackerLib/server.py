"""Requests to a Lesion Tracker server, with nothing but Python's standard library."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

TIMEOUT_S = 900
UNAUTHORIZED, NOT_FOUND = 401, 404


class ServerError(Exception):
    """The server refused a request or did not answer; the message is for the reader.

    Args:
        text: the message.
        status: of the answer; 0 without one.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Server:
    """A Lesion Tracker server.

    It is asked once whether it wants a log-in; a log-in that has expired is repeated. The password is kept in memory only.

    Args:
        url: its address, "http://127.0.0.1:8000".
        reader: who works with it; on a server with accounts the log-in counts.
        user: name of the account; "" on a server without accounts.
        password: of the account.
        token: a bearer token that is there already, instead of name and password.
    """

    def __init__(self, url: str, reader: str = "", user: str = "", password: str = "", token: str = "") -> None:
        self.url = url.strip().rstrip("/")
        self.reader = reader
        self._user, self._password = user.strip(), password
        self._token = token
        self._is_known = bool(token)

    def log_in(self) -> str:
        """Log in where the server wants it; return the name, "" on a server without accounts.

        Raises:
            ServerError: if name or password are missing or wrong, or the server does not answer.
        """
        self._token = ""
        if self._has_accounts():
            if not self._user or not self._password:
                raise ServerError(f"{self.url} has accounts: enter user and password", UNAUTHORIZED)
            fields = {"username": self._user, "password": self._password, "grant_type": "password"}
            body = urllib.parse.urlencode(fields).encode()
            answer = self._open("POST", "/auth/token", body, "application/x-www-form-urlencoded")
            self._token = str(json.loads(answer)["access_token"])
        self._is_known = True
        return self._user if self._token else ""

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

    def _has_accounts(self) -> bool:
        try:
            return bool(json.loads(self._open("GET", "/auth/"))["enabled"])
        except ServerError as error:
            if error.status == NOT_FOUND:
                return False
            raise
        except (ValueError, KeyError, TypeError):
            raise ServerError(f"{self.url} is no Lesion Tracker server: another program answers there") from None

    def _send(self, method: str, path: str, body: "bytes | None" = None, kind: str = "") -> bytes:
        """Send a request, after the log-in; one that is refused because that has expired is sent once more."""
        if not self._is_known:
            self.log_in()
        try:
            return self._open(method, path, body, kind)
        except ServerError as error:
            if error.status != UNAUTHORIZED:
                raise
            self.log_in()
            return self._open(method, path, body, kind)

    def _open(self, method: str, path: str, body: "bytes | None" = None, kind: str = "") -> bytes:
        headers = {"Content-Type": kind} if kind else {}
        if not self.url.startswith(("http://", "https://")):
            raise ServerError(f"{self.url!r} is no address of a server; one looks like http://127.0.0.1:8000")
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        if self._token:  # not sent on to where a redirect leads
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise ServerError(_detail(error), error.code) from None
        except (OSError, http.client.HTTPException) as error:
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
