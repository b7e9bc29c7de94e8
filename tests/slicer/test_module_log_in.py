"""The module Lesion Tracker logs in where a server has accounts, and its window passes on what was typed."""

import http.server
import importlib
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import requests

from lesion_tracker.readers.mark_store import MarkStore
from tests.server.clicks import BY_NAME
from tests.server.conftest import Server
from tests.server.locked_server import PASSWORD, bearer
from tests.server.test_clients import needs_slicer
from tests.slicer.test_module import MODULE, run_probe

pytestmark = pytest.mark.server

STUDY = "ann__20200101"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return the module's file of requests, imported as Slicer imports it."""
    sys.path.insert(0, str(MODULE))
    try:
        yield importlib.import_module("LesionTrackerLib.server")
    finally:
        sys.path.remove(str(MODULE))


@contextmanager
def answering(
    answer: Callable[[http.server.BaseHTTPRequestHandler], None], context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Run a small HTTP server, or one of HTTPS; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as small:
        if context is not None:
            small.socket = context.wrap_socket(small.socket, server_side=True)
        thread = threading.Thread(target=small.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{small.server_port}"
        small.shutdown()
        thread.join(10)


def test_user_and_password_open_a_server_with_accounts(client: Any, locked: Server) -> None:
    server = client.Server(locked.url, "typed by hand", "ann", PASSWORD)
    assert server.log_in() == "ann"
    assert server.has_study(STUDY)
    lesion = {"id": "lesion_7", "center_mm": list(BY_NAME["ann"].lesions_mm[0]), "radius_mm": 9.0}
    server.infer("mark_lesion", STUDY, {"lesions": [lesion]})
    signed = {one.id: one.marked_by for one in MarkStore(locked.studies / "labels").lesions(STUDY)}
    assert signed["lesion_7"] == "ann"


@pytest.mark.parametrize(
    ("user", "password", "text"),
    [
        ("", "", "has accounts: enter user and password"),
        ("ann", "", "has accounts: enter user and password"),
        ("ann", "wrong horse", "wrong name or password"),
        ("nobody", PASSWORD, "wrong name or password"),
    ],
)
def test_without_the_right_ones_the_text_says_so(
    client: Any, locked: Server, user: str, password: str, text: str
) -> None:
    with pytest.raises(client.ServerError, match=text) as refused:
        client.Server(locked.url, "", user, password).has_study(STUDY)
    assert refused.value.status == 401


def test_a_log_in_that_has_ended_is_repeated(client: Any, locked: Server) -> None:
    server = client.Server(locked.url, "", "ann", PASSWORD, token="ended.long-ago")
    assert server.has_study(STUDY)


def test_a_token_is_enough_and_a_wrong_one_is_named(client: Any, locked: Server) -> None:
    token = bearer(locked, "ann")["Authorization"].removeprefix("Bearer ")
    assert client.Server(locked.url, token=token).has_study(STUDY)
    with pytest.raises(client.ServerError, match="enter user and password"):
        client.Server(locked.url, token="ended.long-ago").has_study(STUDY)


def test_on_a_server_without_accounts_a_typed_user_does_no_harm(client: Any, server: Server) -> None:
    assert client.Server(server.url, "", "ann", PASSWORD).log_in() == ""
    assert client.Server(f" {server.url}/ ", "", "ann", PASSWORD).has_study(STUDY)


@pytest.mark.parametrize(
    ("url", "text"),
    [("127.0.0.1:8000", "is no address of a server"), ("", "is no address"), ("http://127.0.0.1:9", "does not answer")],
)
def test_an_address_that_is_none_is_named(client: Any, url: str, text: str) -> None:
    with pytest.raises(client.ServerError, match=text):
        client.Server(url, "", "ann", PASSWORD).has_study(STUDY)


def test_another_program_at_the_address_is_named(client: Any) -> None:
    def page(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"<html>hello</html>")

    with answering(page) as url, pytest.raises(client.ServerError, match="another program answers there"):
        client.Server(url).has_study(STUDY)


def test_the_token_does_not_follow_a_redirect_to_another_server(client: Any) -> None:
    seen: list[str | None] = []

    def elsewhere(request: http.server.BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b'{"objects": {}}')

    with answering(elsewhere) as other:

        def redirect(request: http.server.BaseHTTPRequestHandler) -> None:
            seen.append(request.headers.get("Authorization"))
            request.send_response(302)
            request.send_header("Location", f"{other}/datastore/")
            request.end_headers()

        with answering(redirect) as url:
            assert not client.Server(url, token="secret").has_study(STUDY)
    assert seen == ["Bearer secret", None]


def test_a_certificate_that_this_computer_trusts_is_enough(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hospital's own authority is not among those that `requests` ships."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def study(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b'{"objects": {"a": {}}}')

    with answering(study, context) as url:
        with pytest.raises(client.ServerError, match=r"does not answer .*certificate"):
            client.Server(url, token="any").has_study("a")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert client.Server(url, token="any").has_study("a")


@needs_slicer
def test_with_slicers_own_nodes_marks_and_answers_are_signed_by_who_logged_in(locked: Server) -> None:
    found = run_probe(locked, "ann", PASSWORD)
    assert [row[1] for row in found["rows"]] == ["accepted by a reader", "corrected by a reader"]
    table = requests.get(
        f"{locked.url}/lesions/table.csv",
        params={"patient": "slicer patient"},
        headers=bearer(locked, "ann"),
        timeout=60,
    ).text
    assert ",ann," in table
    assert "dr probe" not in table


class Window:
    """What ScriptedLoadableModuleWidget is to the module."""

    def setup(self) -> None:
        self.layout = MagicMock()


@pytest.fixture
def widget(client: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module's widget on stand-ins of Qt and Slicer, with two volumes and a list of points chosen."""
    qt, slicer = MagicMock(), MagicMock()
    qt.QLineEdit.side_effect = lambda *text: MagicMock(text=text[0] if text else "")
    qt.QSettings.return_value.value.side_effect = lambda name, default: default
    slicer.ScriptedLoadableModule.ScriptedLoadableModule = object
    slicer.ScriptedLoadableModule.ScriptedLoadableModuleWidget = Window
    stand_ins = {"qt": qt, "slicer": slicer, "slicer.ScriptedLoadableModule": slicer.ScriptedLoadableModule}
    for name, stand_in in {**stand_ins, "vtk": MagicMock()}.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.delitem(sys.modules, "LesionTracker", raising=False)
    module = importlib.import_module("LesionTracker")
    made = module.LesionTrackerWidget()
    made.setup()
    yield module, made, qt, slicer
    sys.modules.pop("LesionTracker", None)


def test_the_window_hands_on_user_and_password_and_saves_only_the_user(widget: Any) -> None:
    module, made, qt, _ = widget
    made.url.text, made.user.text, made.password.text = "http://127.0.0.1:8000", "ann", PASSWORD
    module.LesionTrackerLogic = MagicMock()
    made.table.currentRow.return_value = 0
    made.track()
    (sent, _), _ = module.LesionTrackerLogic.call_args
    assert (sent.url, sent._user, sent._password) == ("http://127.0.0.1:8000", "ann", PASSWORD)
    saved = {call.args[0]: call.args[1] for call in qt.QSettings.return_value.setValue.call_args_list}
    assert saved["LesionTracker/user"] == "ann"
    assert PASSWORD not in saved.values()
    made.password.setEchoMode.assert_called_once_with(qt.QLineEdit.Password)


def test_a_row_of_the_table_jumps_to_its_point(widget: Any) -> None:
    _, made, _, slicer = widget
    made.jump()  # before anything was tracked
    made.shown = MagicMock()
    made.shown.GetNumberOfControlPoints.return_value = 2
    made.table.currentRow.return_value = 1
    made.jump()
    go = slicer.modules.markups.logic.return_value.JumpSlicesToNthPointInMarkup
    go.assert_called_once_with(made.shown.GetID(), 1, True)


def test_the_window_shows_why_an_answer_was_refused(widget: Any, client: Any) -> None:
    module, made, _, slicer = widget
    module.LesionTrackerLogic = MagicMock()
    made.table.currentRow.return_value = 0
    made.track()
    made.logic.accept.side_effect = client.ServerError("wrong name or password", 401)
    made.accept()
    slicer.util.errorDisplay.assert_called_once_with("wrong name or password")
