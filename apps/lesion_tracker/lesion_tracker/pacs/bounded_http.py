"""Requests to one server whose answers are bounded in time and in bytes, and never follow a redirect."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from lesion_tracker.errors import PacsError

TRIES = 3
"""A PACS that is down (refused, reset, or 502, 503, 504) is asked so often."""

PAUSE_S = 0.5
"""Between the first two tries; doubled each time."""

CONNECT_S = 5.0
CHUNK_BYTES = 1 << 20
MIB = 1 << 20
RETRIED = (429, 502, 503, 504)


class BoundedHttp:
    """Asks the DICOMweb server at an address; every call ends within a bound, with an answer or a PacsError.

    Args:
        address: the server's base address.
        login: user and password, where it wants them.
        timeout_s: for an answer to begin, and between two pieces of it.
    """

    def __init__(self, address: str, login: tuple[str, str] | None, timeout_s: float) -> None:
        self.address = address
        self._login, self._timeout_s = login, timeout_s

    def get(
        self, url: str, accept: str, encoding: str = "gzip, identity", accepted: frozenset[int] = frozenset()
    ) -> requests.Response:
        """Return an answer whose status is good or accepted; its body is still to come. No redirect is followed."""
        for left in range(TRIES - 1, -1, -1):
            try:
                answer = requests.get(
                    url,
                    headers={"Accept": accept, "Accept-Encoding": encoding},
                    auth=self._login,
                    timeout=(min(CONNECT_S, self._timeout_s), self._timeout_s),
                    stream=True,
                    allow_redirects=False,
                )
            except requests.ReadTimeout:
                raise PacsError(f"the PACS at {self.address} did not answer within {self._timeout_s:g} s") from None
            except requests.RequestException as error:
                problem = _cause(error)
            else:
                if answer.status_code not in RETRIED:
                    return self._checked(answer, accepted)
                problem = f"status {answer.status_code}"
                answer.close()
            if left:
                time.sleep(PAUSE_S * 2 ** (TRIES - 1 - left))
        raise PacsError(
            f"the PACS at {self.address} cannot be reached ({problem}), tried {TRIES} times: is it running?"
        )

    def post(self, url: str, body: bytes, kind: str, accepted: frozenset[int]) -> requests.Response:
        """Send a body once, and return an answer whose status is good or accepted; its body is still to come.

        Raises:
            PacsError: for any other answer, or none: whether the server took anything is not known then.
        """
        try:
            answer = requests.post(
                url,
                data=body,
                headers={"Content-Type": kind, "Accept": "application/dicom+json"},
                auth=self._login,
                timeout=(min(CONNECT_S, self._timeout_s), self._timeout_s),
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise PacsError(
                f"the PACS at {self.address} gave no answer to what was to be stored ({_cause(error)}): nothing is lost, and "
                "the same request stores what is missing"
            ) from None
        return self._checked(answer, accepted)

    def receive(self, answer: requests.Response, body: Any, end: float, limit_s: float, limit_mb: float) -> None:
        """Write the body to a file as it comes; read1 returns after each piece, so that the limits hold for drops, too."""
        for chunk in self.pieces(answer, end, limit_s, limit_mb, unpacked=True):
            body.write(chunk)
        body.flush()

    def pieces(
        self, answer: requests.Response, end: float, limit_s: float, limit_mb: float, *, unpacked: bool
    ) -> Iterator[bytes]:
        """Yield a body as it comes.

        Args:
            answer: whose.
            end: when it must be whole, on the monotonic clock.
            limit_s: that time, for the refusal.
            limit_mb: MiB that are accepted.
            unpacked: as it was before the server compressed it.

        Raises:
            PacsError: if it is late, too large or ends early.
        """
        self.refuse_promised(answer, limit_mb)
        left = int(limit_mb * MIB)
        try:
            while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=unpacked):
                left -= len(chunk)
                if left < 0:
                    raise self._too_much(limit_mb)
                yield chunk
                self.refuse_late(end, limit_s)
        except HTTPError as error:
            raise PacsError(
                f"the PACS at {self.address} broke off in the middle of its answer: {_cause(error)}"
            ) from None

    def refuse_promised(self, answer: requests.Response, limit_mb: float) -> None:
        """Refuse an answer whose header promises more than is accepted."""
        promised = answer.headers.get("Content-Length", "")
        if promised.isdigit() and int(promised) > limit_mb * MIB:
            raise self._too_much(limit_mb)

    def refuse_late(self, end: float, limit_s: float) -> None:
        """Refuse what is not whole at its end, on the monotonic clock."""
        if time.monotonic() > end:
            raise PacsError(f"the PACS at {self.address} is too slow: its answer was not whole in {limit_s:g} s")

    def _too_much(self, limit_mb: float) -> PacsError:
        return PacsError(f"the PACS at {self.address} sends more than the {limit_mb:g} MiB that are accepted")

    def _checked(self, answer: requests.Response, accepted: frozenset[int]) -> requests.Response:
        status = answer.status_code
        if status in (200, 204, 206) or status in accepted:
            return answer
        answer.close()
        if status in (401, 403):
            said = "refused the login" if self._login else "wants a login"
            raise PacsError(
                f"the PACS at {self.address} {said} (status {status}): set MONAI_LABEL_DICOMWEB_USERNAME and "
                "MONAI_LABEL_DICOMWEB_PASSWORD in the server's environment"
            )
        if 300 <= status < 400:
            target = urlsplit(answer.headers.get("Location", ""))
            raise PacsError(
                f"the PACS at {self.address} points to another address, {target.scheme}://{target.netloc}: no redirect is "
                "followed, because the login would be sent there; start the server on that address"
            )
        raise PacsError(f"the PACS at {self.address} answered {answer.request.path_url} with status {status}")


def _cause(error: Exception) -> str:
    """Return the innermost words of an error: urllib3 wraps them several times."""
    text = str(error)
    for known in (
        "Connection refused",
        "Name or service not known",
        "Temporary failure in name resolution",
        "timed out",
    ):
        if known in text:
            return known
    return f"{type(error).__name__}: {text[:200]}"
