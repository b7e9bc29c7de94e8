"""HTTP routes of learning: start with the reason where it is refused, stop, versions of the weights, roll back, scores."""

import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from monailabel.utils.async_tasks.task import AsyncTask
from monailabel.utils.async_tasks.utils import background_tasks

from lesion_tracker.errors import Busy, InputError, NotFound
from lesion_tracker.server import addresses
from lesion_tracker.server.learning.trainer import SERVER, LesionTrainer
from lesion_tracker.server.request_keys import TO_TRAINING
from lesion_tracker.training.learning.publish import ModelStore

TASK = "train"
UNDER_WAY = ("SUBMITTED", "RUNNING")


def learning_routes(
    trainers: Mapping[str, LesionTrainer], store: ModelStore, scores: Callable[[], dict[str, Any]]
) -> APIRouter:
    """Return the routes of learning.

    Args:
        trainers: by name.
        store: of the weights.
        scores: returns how readers' answers differ from what was tracked.
    """
    router = APIRouter(tags=["Train"])
    _add_training(router, trainers)
    _add_models(router, trainers, store)

    @router.post(addresses.SCORING, summary="Score readers' answers")
    def score(method: Literal["corrected"]) -> Any:
        """Return the scores over all studies; nothing of the request but the method's name counts."""
        return scores()

    return router


def _add_training(router: APIRouter, trainers: Mapping[str, LesionTrainer]) -> None:

    @router.post(addresses.TRAIN, summary="Learn from corrections with every trainer")
    def train_all(params: Annotated[dict[str, Any] | None, Body()] = None) -> Any:
        """Start every trainer; `params` holds each one's options under its name, as OHIF sends them."""
        return {name: {"result": _start(name, trainers, _own(name, params)), "detail": None} for name in trainers}

    @router.post(addresses.TRAIN_MODEL, summary="Learn from corrections")
    def train(model: str, params: Annotated[dict[str, Any] | None, Body()] = None) -> Any:
        """Start a trainer in a process of its own; GET /train/ shows how far it is, DELETE /train/ stops it."""
        return _start(model, trainers, params or {})

    @router.get(addresses.TRAIN, summary="How far a training is")
    def status(all: bool = False, check_if_running: bool = False) -> Any:  # noqa: A002 - the clients' word
        """Return the last training's task, or all of them."""
        task, problem = AsyncTask.status(TASK, all, check_if_running)
        if task is None:
            raise NotFound(problem)
        return task

    @router.delete(addresses.TRAIN, summary="Stop a training")
    def stop() -> Any:
        """End its process."""
        return AsyncTask.stop(TASK)


def _add_models(router: APIRouter, trainers: Mapping[str, LesionTrainer], store: ModelStore) -> None:
    @router.get(addresses.MODELS, summary="Versions of the weights")
    def models() -> Any:
        """Return the published version, all others with their cards, and what the last training led to."""
        last = {name: trainer.stats() for name, trainer in trainers.items()}
        return {"published": store.published().version, "versions": store.versions(), "last_training": last}

    @router.post(addresses.ROLL_BACK, summary="Publish the weights before the last ones again")
    def roll_back() -> Any:
        """Roll back by one version; tracks made from now on name the older weights."""
        return {"published": store.roll_back()}


def _own(name: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    own = (params or {}).get(name, {})
    if not isinstance(own, Mapping):
        raise InputError(f"the options of {name!r} must be a JSON object, got {str(own)[:200]!r}")
    return dict(own)


def _start(name: str, trainers: Mapping[str, LesionTrainer], params: Mapping[str, Any]) -> Any:
    trainer = trainers.get(name)
    if trainer is None:
        raise NotFound(f"there is no trainer {name!r}; known: {', '.join(trainers)}")
    if any(task["status"] in UNDER_WAY for task in background_tasks.get(TASK, [])):
        raise Busy("a training is under way: GET /train/ shows how far it is, DELETE /train/ stops it")
    trainer.prepare(params)
    os.environ.setdefault("PYTHONPATH", "")  # MONAI Label's task reads it, and would end without a word
    known = {key: value for key, value in params.items() if key in TO_TRAINING}
    task, problem = AsyncTask.run(TASK, request={"model": name, SERVER: os.getpid()}, params=known)
    if task is None:
        raise Busy(problem)
    return task
