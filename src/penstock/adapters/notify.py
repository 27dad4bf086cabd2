"""The user's own channels, told by Apprise. A channel that fails is logged, by its kind alone, and stops nothing.

Apprise reads answers whole, however long they are, and can't be stopped: each channel is told by a process of its own,
with an end to its time and its memory. It hears the address by its input, where no other process sees it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from apprise import AppriseAsset

MOST_SECONDS = 10.0
MOST_MEMORY = 256 * 1024 * 1024
MOST_TARGETS = 20
LONGEST_TARGET = 2000
LONGEST_TITLE, LONGEST_TEXT = 200, 4000

Event = Literal["budget_alert", "approval_asked", "pipeline_completed", "pipeline_failed"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A channel by its address, as Apprise writes it: the address is often a secret itself and is never shown."""

    written_as: ClassVar[str] = "text"
    kind: str
    """What stands before `://`."""
    secret: str
    """The whole address."""

    @classmethod
    def from_settings(cls, value: object) -> Target:
        """Read an address; what is wrong with one is said without repeating it."""
        kind, separator, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
        if not isinstance(value, str) or not (separator and kind.isalnum() and rest) or len(value) > LONGEST_TARGET:
            raise ValueError(
                "holds what is no address of a channel; possible is a text like json://localhost:9000/told"
            )
        return cls(kind=kind.lower(), secret=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsSettings:
    """Where you are told of what needs you: addresses as Apprise writes them (mail, chats, webhooks and many more)."""

    targets: tuple[Target, ...] = ()
    """The addresses; `json://HOST:PORT/PATH` posts JSON. They are never printed."""
    events: tuple[Event, ...] = ("budget_alert", "approval_asked", "pipeline_completed", "pipeline_failed")
    """Of what you want to hear."""

    def __post_init__(self) -> None:
        if len(self.targets) > MOST_TARGETS:
            raise ValueError(f"targets holds {len(self.targets)} addresses; at most {MOST_TARGETS} are possible")


class Channels:
    """All channels of the user."""

    def __init__(
        self,
        settings: NotificationsSettings,
        redact: Callable[[str], str],
        environ: Mapping[str, str],
        *,
        seconds: float = MOST_SECONDS,
    ) -> None:
        self._settings = settings
        self._redact = redact
        self._environ = environ
        self._seconds = seconds

    async def notify(self, event: str, title: str, text: str) -> None:
        """Tell it to every channel at once, if the user wants to hear of such events; within bounded time."""
        if event in self._settings.events:
            message = (self._fit(title, LONGEST_TITLE), self._fit(text, LONGEST_TEXT))
            await asyncio.gather(*(self._tell(target, *message) for target in self._settings.targets))

    def _fit(self, text: str, most: int) -> str:
        clean = "".join(char for char in self._redact(text) if char.isprintable() or char == "\n")
        return clean if len(clean) <= most else f"{clean[: most - 1]}…"

    async def _tell(self, target: Target, title: str, text: str) -> None:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def settle(why: str) -> None:
            if not ended.done():
                ended.set_result(why)

        def work() -> None:
            why = self._failure(target, title, text)
            with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(settle, why)

        # A daemon: a channel that never answers must not keep the process from ending.
        threading.Thread(target=work, name=f"notify {target.kind}", daemon=True).start()
        if why := await ended:
            _log.warning(json.dumps({"event": "notification_failed", "channel": target.kind, "why": why}))

    def _failure(self, target: Target, title: str, text: str) -> str:
        """Tell it to one channel by a process of its own, which is ended in time; why that failed, or empty."""
        said = json.dumps({"address": target.secret, "title": title, "text": text, "seconds": self._seconds})
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", __name__],
                input=said.encode(),
                env=dict(self._environ),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # it may name addresses, which are secrets
                start_new_session=True,
                timeout=self._seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "no answer in time"
        except OSError:
            return "not delivered"
        return "" if done.returncode == 0 else "not delivered"


def main() -> int:
    """Tell what the standard input says, within the time that it says, even if nobody waits any more."""
    from penstock.adapters.processes.hiding import hide  # noqa: PLC0415 - only this process needs it

    hide(())
    said = json.load(sys.stdin.buffer)
    signal.setitimer(signal.ITIMER_REAL, said["seconds"])
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    return 0 if send(said["address"], said["title"], said["text"]) else 1


def send(address: str, title: str, text: str) -> bool:
    """Tell it to one channel and wait for it; whether it was taken. Whatever goes wrong in there is a no."""
    from apprise import Apprise, NotifyFormat  # noqa: PLC0415 - slow to import, and most never need it

    channel = Apprise(asset=_asset())
    return channel.add(address) and bool(channel.notify(body=text, title=title, body_format=NotifyFormat.TEXT))


def _asset() -> AppriseAsset:
    from apprise import AppriseAsset, PersistentStoreMode  # noqa: PLC0415 - as above

    logging.getLogger("apprise").disabled = True  # it names addresses, which are secrets
    return AppriseAsset(
        plugin_paths=[],
        storage_mode=PersistentStoreMode.MEMORY,
        allow_templates=False,
        service_timeout=MOST_SECONDS,
    )


if __name__ == "__main__":
    sys.exit(main())
