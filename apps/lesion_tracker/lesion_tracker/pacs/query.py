"""A query (QIDO-RS) → all its matches, from servers that limit, page, cut and match in ways of their own.

A page is the last one only if the next one is empty: servers send fewer than they were asked for, and not all say so.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lesion_tracker.errors import PacsError

Item = dict[str, Any]
"""One answer in DICOM's JSON model: {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, …}."""

MOST = 20_000
"""More matches are refused."""

MORE_ARE_LEFT = re.compile(
    r"\b299\b.*\b(additional|more|remaining|partial|incomplete|truncated|exceed\w*)\b", re.IGNORECASE
)
"""The Warning header of an answer that is not the whole (PS3.18, 8.3.4.4); 299 also says that names match exactly only."""


@dataclass(frozen=True)
class Page:
    """One answer to a query.

    Args:
        items: the matches.
        is_cut: whether the server says that these are not all.
    """

    items: list[Item]
    is_cut: bool = False


@dataclass(frozen=True)
class Way:
    """A form in which a query is asked.

    Args:
        limit: matches a page; None: no word about pages.
        fields: whether further elements are asked for.
    """

    limit: int | None
    fields: bool = True


WAYS = (Way(200), Way(50), Way(10), Way(200, False), Way(None), Way(None, False))
"""Tried in this order: Azure refuses limits above 200, others have a limit of their own, or know no pages or no fields."""

Ask = Callable[[str], Page | None]
"""Asks one address; None: the server refuses this form of the question."""


def addresses_of(what: str, filters: Mapping[str, str]) -> list[str]:
    """Return a query as it is asked, and again where the server found nothing, without pages and fields.

    The values are asked for as they are. Orthanc 1.10 does not decode them: then what had to be encoded becomes a
    wildcard, which other servers (Azure, Google) do not know.

    Args:
        what: is asked for, as the path below the server's address.
        filters: DICOM keywords and values.
    """
    exact = "&".join(f"{name}={quote(value, safe='')}" for name, value in filters.items())
    wild = "&".join(f"{name}={re.sub(r'[^A-Za-z0-9._~-]+', '*', value)}" for name, value in filters.items())
    return list(dict.fromkeys(f"{what}?{values}" for values in (exact, wild)))


class Queries:
    """Asks one server, in the form that it accepted last; safe for threads.

    Args:
        ask: asks the server.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._ways: tuple[Way, ...] = WAYS

    def every_match(self, address: str, fields: Sequence[str]) -> Iterator[Item]:
        """Yield each match once; pages are asked for as long as matches are wanted.

        Args:
            address: with the filters, of `addresses_of`.
            fields: keywords of further elements to return.

        Raises:
            PacsError: if the server refuses all forms, keeps back matches, or has more than `MOST`.
        """
        seen: set[str] = set()
        for way in self._ways:
            offset, is_cut = 0, False
            while (page := self._ask(_asked(address, fields, way, offset))) is not None:
                self._remember(way)
                is_cut = page.is_cut
                new = {key: item for item in page.items if (key := json.dumps(item, sort_keys=True)) not in seen}
                seen |= new.keys()
                yield from new.values()
                offset += len(page.items)
                if offset > MOST:
                    raise PacsError(f"the PACS has more than {MOST} answers to {address}; narrow it")
                if not page.items or (not new and not is_cut and len(page.items) > (way.limit or 0)):
                    return
                if not new:
                    break  # it sends the same page again: it knows no offset
            if way.limit is None and offset and not is_cut:
                return  # all at once, and it knows no offset
        if seen:
            raise PacsError(f"the PACS keeps back a part of its answer to {address} and gives no further pages")
        raise PacsError(f"the PACS refuses the query {address} in every form: its own log says why")

    def _remember(self, way: Way) -> None:
        if way.limit is not None:  # without a limit nobody knows whether an answer is the whole
            self._ways = (way, *(other for other in WAYS if other != way))


def _asked(address: str, fields: Sequence[str], way: Way, offset: int) -> str:
    values = [f"includefield={field}" for field in fields] if way.fields else []
    values += [] if way.limit is None else [f"limit={way.limit}"]
    values += [f"offset={offset}"] if offset or way.limit else []
    return address + ("" if address.endswith("?") or not values else "&") + "&".join(values)
