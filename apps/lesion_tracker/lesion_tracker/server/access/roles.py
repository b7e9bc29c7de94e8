"""Who asks: what a route demands of MONAI Label's own log-in, and the name of who has logged in."""

from fastapi import Depends
from monailabel.config import settings as monailabel_settings
from monailabel.endpoints.user.auth import RBAC, User

from lesion_tracker.server.access.accounts import current_reader

READER = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_USER))
ANNOTATOR = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))
ADMIN = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_ADMIN))
"""Defaults of a route's parameter `user`; without MONAI Label's log-in (Keycloak) they let everybody pass."""


def known_user(user: User) -> str:
    """Return the name of a user who logged in, "" on a server without log-in."""
    if current_reader.get():
        return current_reader.get()
    return str(user.username) if monailabel_settings.MONAI_LABEL_AUTH_ENABLE else ""
