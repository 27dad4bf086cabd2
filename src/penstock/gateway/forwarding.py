"""The way of one call through the gateway: understood, let through by caps and limits, sent, passed on, settled once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import httpx2

from penstock.domain.budget import Granted, MarkReached, MustWait, Refused
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens
from penstock.gateway import denial
from penstock.gateway.answering import JSON, Answer
from penstock.gateway.denial import Denied
from penstock.gateway.headers import leaving, returning
from penstock.gateway.limits import error_of
from penstock.gateway.metering import Meter, Sent
from penstock.gateway.orders import LARGEST_REQUEST, Order, Request, read_order
from penstock.gateway.parking import Parking
from penstock.gateway.sending import MOST_LIMITS, Opened, Parcel, Progress, Sender
from penstock.gateway.turns import Pause, Turns
from penstock.gateway.visits import AttemptVisit
from penstock.gateway.wire import Reader, Refusal, RequestUnfit, Wire
from penstock.ports.clock import Clock
from penstock.ports.models import Ledger
