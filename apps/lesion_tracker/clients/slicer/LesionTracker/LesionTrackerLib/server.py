"""Requests to a Lesion Tracker server, with the `requests` that 3D Slicer ships."""

import json
import ssl
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

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


class _SystemCertificates(HTTPAdapter):
    """Also trusts what this computer trusts: a hospital's own authority is not among those that `requests` ships."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=ssl.create_default_context())


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
        self._session = requests.Session()
        self._session.mount("https://", _SystemCertificates())

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
            self._token = str(self._open("POST", "/auth/token", data=fields)["access_token"])
        self._is_known = True
        return self._user if self._token else ""

    def has_study(self, study_id: str) -> bool:
        """Say whether the server has a study of this id."""
        known = self._send("GET", "/datastore/", params={"output": "all"})
        return study_id in known.get("objects", {})

    def upload(self, study_id: str, file: Path, patient: str = "", date: str = "") -> str:
        """Upload a volume; the same volume again changes nothing, another one under the same id is refused."""
        said = {name: value for name, value in (("patient", patient), ("date", date)) if value}
        content = ("volume" + "".join(file.suffixes), file.read_bytes())
        answer = self._send(
            "PUT",
            "/datastore/",
            params={"image": study_id},
            data={"params": json.dumps({**said, "client_id": self.reader})},
            files={"file": content},
        )
        return str(answer["image"])

    def infer(self, model: str, study_id: str, params: dict[str, Any]) -> dict[str, Any]:
        """Run mark_lesion, track_lesion or correct_lesion and return the params of its answer."""
        return self._send(
            "POST",
            f"/infer/{model}",
            params={"image": study_id, "output": "json"},
            data={"params": json.dumps({**params, "client_id": self.reader, "reader": self.reader})},
        )

    def accept(self, study_id: str, lesion_id: str, created_at: str) -> None:
        """Say that a tracked point is right."""
        body = {"study": study_id, "lesion": lesion_id, "track": created_at, "reader": self.reader}
        self._send("POST", "/lesions/accept", json=body)

    def _has_accounts(self) -> bool:
        try:
            return bool(self._open("GET", "/auth/")["enabled"])
        except ServerError as error:
            if error.status == NOT_FOUND:
                return False
            raise
        except (ValueError, KeyError, TypeError):
            raise ServerError(f"{self.url} is no Lesion Tracker server: another program answers there") from None

    def _send(self, method: str, path: str, **parts: Any) -> Any:
        """Send a request, after the log-in; one that is refused because that has expired is sent once more."""
        if not self._is_known:
            self.log_in()
        try:
            return self._open(method, path, **parts)
        except ServerError as error:
            if error.status != UNAUTHORIZED:
                raise
            self.log_in()
            return self._open(method, path, **parts)

    def _open(self, method: str, path: str, **parts: Any) -> Any:
        """Return what the server answers, read as JSON."""
        if not self.url.startswith(("http://", "https://")):
            raise ServerError(f"{self.url!r} is no address of a server; one looks like http://127.0.0.1:8000")
        try:
            answer = self._session.request(method, self.url + path, auth=self._signed, timeout=TIMEOUT_S, **parts)
        except requests.RequestException as error:
            raise ServerError(f"{self.url} does not answer ({error}): is the server running?") from None
        if not answer.ok:
            raise ServerError(_detail(answer), answer.status_code)
        return answer.json()

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token; `requests` takes it off again where a redirect leads to another server."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.status_code}: {answer.text[:300]}"
