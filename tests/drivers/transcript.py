"""Canonical transcripts: what a driver saw, in a form that can be compared byte for byte.

A step is a named function; what it returns, or the error it raises, is written down with every value in one form. What
differs between two honest runs (process ids) is replaced, and nothing else is.
"""

import dataclasses
import datetime
import decimal
import hashlib
import inspect
import ipaddress
import json
import re
import uuid


def canonical(value):
    """The one JSON form of a value that a driver returned."""
    if isinstance(value, str):
        return without_backend_number(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float, decimal.Decimal)):
        return f"{type(value).__name__}:{value}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "hex:" + bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(json.dumps(canonical(item)) for item in value)
    if isinstance(value, datetime.timedelta):
        return f"seconds:{value.total_seconds()}"
    if isinstance(value, (datetime.date, datetime.time)):
        return f"{type(value).__name__}:{value.isoformat()}"
    if isinstance(value, (uuid.UUID, ipaddress._IPAddressBase)):
        return str(value)
    if dataclasses.is_dataclass(value):
        return canonical(dataclasses.asdict(value))
    if hasattr(value, "items"):
        return canonical(dict(value.items()))
    return repr(value)


def without_backend_number(text):
    """The schema of a session's temporary tables has the number of its server process in its name."""
    return re.sub(r"pg_temp_\d+", "pg_temp_N", text)


def digest(value):
    """For results too large to write down."""
    return hashlib.sha256(json.dumps(canonical(value)).encode()).hexdigest()


class Transcript:
    """Runs steps in order and keeps what each saw."""

    # The names of the steps to run; nothing stands for all.
    only = None

    def __init__(self, describe_error):
        self.describe_error = describe_error
        self.steps = []

    def wants(self, name):
        return self.only is None or name in self.only

    def step(self, name, run, *arguments):
        if not self.wants(name):
            return
        try:
            seen = {"step": name, "saw": canonical(run(*arguments))}
        except Exception as error:  # every error is part of what the driver saw
            seen = {"step": name, "error": canonical(self.describe_error(error))}
        self.steps.append(seen)

    async def astep(self, name, run, *arguments):
        if not self.wants(name):
            return
        try:
            result = run(*arguments)
            seen = {"step": name, "saw": canonical(await result if inspect.isawaitable(result) else result)}
        except Exception as error:
            seen = {"step": name, "error": canonical(self.describe_error(error))}
        self.steps.append(seen)

    def print(self):
        for seen in self.steps:
            print(json.dumps(seen, sort_keys=True))
