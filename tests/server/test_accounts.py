"""A server with accounts, and each client that has to log in: a browser's session, 3D Slicer's plugin, programs."""

import html
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import requests

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.server.access.guard import COOKIE
from lesion_tracker.server.access.throttle import MOST_FAILURES
from tests.server.conftest import ROOT, Server
from tests.server.locked_server import PASSWORD, bearer, locked_server
from tests.server.phantom import ANN, PATIENTS, write_patients
from tests.server.taught_server import plugin_client

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

FOREIGN = "https://somewhere.example"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with the reader ann and the admin boss."""
    folder = tmp_path_factory.mktemp("accounts")
    studies = folder / "studies"
    studies.mkdir()
    write_patients(studies)
    conf = {"method": "affine", "background": "false", "hosts": "tracker.example"}
    with locked_server(folder, studies, conf) as server:
        yield server


@pytest.mark.parametrize(
    "path",
    ["/info/", "/", "/docs", "/openapi.json", "/ohif/", "/static/ohif/index.html", "/datastore/?output=all", "/train/",
     "/proxy/dicom/qido/studies", "/lesions/", "/models/", "/auth/token/valid", "//info/", "/INFO/", "/login/../info/"],
)  # fmt: skip
def test_without_log_in_nothing_is_answered(locked: Server, path: str) -> None:
    request = urllib.request.Request(f"{locked.url}{path}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code in (401, 404)
    if refused.value.code == 401:
        assert "log in first" in json.loads(refused.value.read())["detail"]
    refused.value.close()


def test_a_browser_gets_the_form_and_a_cookie_that_covers_every_page(locked: Server) -> None:
    browser = requests.Session()
    browser.headers["Accept"] = "text/html,application/xhtml+xml"
    first = browser.get(f"{locked.url}/ohif/", timeout=60)
    assert first.url == f"{locked.url}/login?next=/ohif/"
    assert 'name="password" type="password"' in first.text
    wrong = browser.post(f"{locked.url}/login", data={"username": "ann", "password": "no"}, timeout=60)
    assert wrong.status_code == 401
    assert "Wrong name or password" in wrong.text
    answer = browser.post(
        f"{locked.url}/login",
        data={"username": "ann", "password": PASSWORD, "next": "/ohif/"},
        timeout=60,
        allow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "./ohif/")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    for path in ("/ohif/", "/info/", "/lesions/", "/datastore/?output=all"):
        assert browser.get(f"{locked.url}{path}", timeout=60).status_code == 200
    infer = browser.post(f"{locked.url}/infer/spleen?image=ann__20200101", data={"params": "{}"}, timeout=60)
    assert infer.status_code == 404
    assert "spleen" in infer.json()["detail"]
    left = browser.post(f"{locked.url}/logout", timeout=60, allow_redirects=False)
    assert left.headers["clear-site-data"] == '"cache", "storage"'
    assert browser.get(f"{locked.url}/info/", timeout=60, headers={"Accept": "*/*"}).status_code == 401


def test_after_the_log_in_the_browser_gets_the_study_that_it_asked_for(locked: Server) -> None:
    asked = "/lesions/?patient=a%26b&lesion=x%20y"
    browser = requests.Session()
    browser.headers["Accept"] = "text/html"
    form = browser.get(f"{locked.url}{asked}", timeout=60)
    (wanted,) = re.findall(r'name="next" value="([^"]*)"', form.text)
    assert html.unescape(wanted) == asked
    data = {"username": "ann", "password": PASSWORD, "next": html.unescape(wanted)}
    answer = browser.post(f"{locked.url}/login", data=data, timeout=60, allow_redirects=False)
    assert answer.headers["location"] == f".{asked}"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/info/", "no-store"),
        ("/datastore/image?image=ann__20200101", "no-store"),
        ("/ohif/", "no-store"),
        ("/static/ohif/index.html", "private, no-cache"),
        ("/lesions/", "no-store"),
        ("/lesions/crop.png?study=ann__20200101&x=0&y=0&z=0", "no-store"),
    ],
)
def test_a_browser_keeps_nothing_for_the_next_person_at_its_screen(locked: Server, path: str, kept: str) -> None:
    answer = requests.get(f"{locked.url}{path}", headers=bearer(locked, "ann"), timeout=60)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, kept)


def test_who_guesses_has_to_wait_and_is_told_so(locked: Server) -> None:
    guess = {"username": "mallory", "password": "no"}
    for _ in range(MOST_FAILURES):
        assert requests.post(f"{locked.url}/login", data=guess, timeout=60).status_code == 401
    form = requests.post(f"{locked.url}/login", data=guess, timeout=60)
    token = requests.post(f"{locked.url}/auth/token", data=guess, timeout=60)
    assert (form.status_code, token.status_code) == (429, 429)
    assert "too many wrong passwords: wait 5 minutes" in form.text
    assert "wait 5 minutes" in token.json()["detail"]
    assert bearer(locked, "ann")


@pytest.mark.parametrize(
    "address", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_logging_in_leads_to_no_other_server(locked: Server, address: str) -> None:
    answer = requests.post(
        f"{locked.url}/login",
        data={"username": "ann", "password": PASSWORD, "next": address},
        timeout=60,
        allow_redirects=False,
    )
    assert answer.headers["location"] == "./"


def test_slicers_own_log_in_works_and_signs_what_is_marked(locked: Server) -> None:
    client = plugin_client(locked.url)
    assert client.auth_enabled()
    with pytest.raises(Exception, match="wrong name or password"):
        client.auth_token("ann", "no")
    client.update_auth(client.auth_token("ann", PASSWORD))
    assert client.auth_valid_token()
    assert client.info()["name"] == "Lesion Tracker"
    lesion = {"id": "lesion_1", "center_mm": list(ANN.lesions_mm[0]), "radius_mm": 9.0}
    client.infer("mark_lesion", "ann__20200101", {"lesions": [lesion]})
    assert MarkStore(locked.studies / "labels").lesions("ann__20200101")[0].marked_by == "ann"
    # Next Sample on another machine loads this address without the header: Slicer's own limit (MONAILabel #1493)
    download = f"{locked.url}/datastore/image?image=ann__20200101"
    assert requests.get(download, timeout=60).status_code == 401
    assert requests.get(download, timeout=60, headers=bearer(locked, "ann")).status_code == 200


def test_a_program_with_a_token_is_answered_and_only_an_admin_trains(locked: Server) -> None:
    reader, admin = bearer(locked, "ann"), bearer(locked, "boss")
    assert requests.get(f"{locked.url}/auth/token/valid", headers=reader, timeout=60).json() == {"username": "ann"}
    for method, path in (("POST", "/train/track_lesion"), ("DELETE", "/train/"), ("POST", "/models/rollback")):
        refused = requests.request(method, f"{locked.url}{path}", headers=reader, json={}, timeout=60)
        assert (refused.status_code, "role admin" in refused.json()["detail"]) == (403, True)
    allowed = requests.post(f"{locked.url}/train/track_lesion", headers=admin, json={}, timeout=60)
    assert allowed.status_code == 409
    assert requests.get(f"{locked.url}/info/", headers={"Authorization": "Bearer x.y"}, timeout=60).status_code == 401


def test_a_page_of_another_origin_may_neither_write_nor_read(locked: Server) -> None:
    headers = {**bearer(locked, "ann"), "Origin": FOREIGN}
    refused = requests.post(
        f"{locked.url}/infer/mark_lesion?image=x", headers=headers, data={"params": "{}"}, timeout=60
    )
    assert refused.status_code == 403
    assert FOREIGN in refused.json()["detail"]
    told = {**bearer(locked, "ann"), "Sec-Fetch-Site": "cross-site"}  # by a browser that leaves the origin out
    url = f"{locked.url}/infer/mark_lesion?image=x"
    assert requests.post(url, headers=told, data={"params": "{}"}, timeout=60).status_code == 403
    read = requests.get(f"{locked.url}/info/", headers=headers, timeout=60)
    assert not [name for name in read.headers if name.lower().startswith("access-control")]
    preflight = requests.options(
        f"{locked.url}/infer/mark_lesion",
        headers={"Origin": FOREIGN, "Access-Control-Request-Method": "POST"},
        timeout=60,
    )
    assert preflight.status_code == 403
    own = requests.post(
        f"{locked.url}/infer/spleen?image={PATIENTS[0].name}",
        headers={**headers, "Origin": locked.url},
        data={"params": "{}"},
        timeout=60,
    )
    assert own.status_code == 404


def test_without_accounts_foreign_pages_are_kept_out_as_well(server: Server) -> None:
    assert requests.get(f"{server.url}/auth/", timeout=60).status_code == 404
    read = requests.get(f"{server.url}/info/", headers={"Origin": FOREIGN}, timeout=60)
    assert read.status_code == 200
    assert "access-control-allow-origin" not in {name.lower() for name in read.headers}
    written = requests.post(
        f"{server.url}/infer/mark_lesion?image=x", headers={"Origin": FOREIGN}, data={"params": "{}"}, timeout=60
    )
    assert written.status_code == 403


def behind_nginx(browser_sends: dict[str, str]) -> dict[str, str]:
    """Return the headers of a browser's request as the nginx of docs/server.md passes them on."""
    config = (ROOT / "docs" / "server.md").read_text().split("    server {")[1].split("\n    }\n")[0]
    rules = dict(re.findall(r"proxy_set_header (\S+) (\S+);", config))
    assert set(rules) == {"Host", "X-Forwarded-Proto", "X-Forwarded-For"}
    assert "listen 443 ssl" in config
    passed = {
        name: value.replace("$http_host", browser_sends["Host"]).replace("$remote_addr", "10.1.2.3")
        for name, value in rules.items()
    }
    return {**browser_sends, **passed}


def test_behind_the_reverse_proxy_of_the_servers_page_the_cookie_is_secure_and_its_own_pages_may_write(
    locked: Server,
) -> None:
    page = {"Host": "tracker.example", "Origin": "https://tracker.example", "Accept": "text/html"}
    answer = requests.post(
        f"{locked.url}/login",
        data={"username": "ann", "password": PASSWORD},
        headers=behind_nginx(page),
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "./"  # no name of a server that the browser cannot reach
    assert "secure" in answer.headers["set-cookie"].lower().split("; ")
    cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
    sent = {"headers": behind_nginx({**page, **cookie}), "data": {"params": "{}"}, "timeout": 60}
    assert requests.post(f"{locked.url}/infer/spleen?image=x", **sent).status_code == 404
    other = {"headers": behind_nginx({**page, **cookie, "Origin": FOREIGN}), "data": {"params": "{}"}, "timeout": 60}
    assert requests.post(f"{locked.url}/infer/spleen?image=x", **other).status_code == 403


def test_without_a_proxy_the_cookie_also_works_on_plain_loopback(locked: Server) -> None:
    answer = requests.post(
        f"{locked.url}/login", data={"username": "ann", "password": PASSWORD}, allow_redirects=False, timeout=60
    )
    assert "secure" not in answer.headers["set-cookie"].lower().split("; ")
