"""The simulated providers with books that outlive a kill: each movement is in a file before anybody hears of it."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from dusangire.kernel.settings import settings
from dusangire.simulators import airtel, app, mtn
from dusangire.simulators.knobs import Outcome
from dusangire.simulators.till import Payment, Refund, Till

AUTO_S = 0.5
Entry = TypeVar("Entry", Payment, Refund)


class Book(dict[str, Entry]):
    """What is put in is written down; what was written is there again after a start."""

    def __init__(self, path: Path, shape: type[Entry]) -> None:
        super().__init__()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        for line in path.read_bytes().splitlines():
            one = msgspec.json.decode(line, type=shape)
            super().__setitem__(one.reference, one)

    def __setitem__(self, reference: str, one: Entry) -> None:
        super().__setitem__(reference, one)
        self.write(one)

    def write(self, one: Entry) -> None:
        os.write(self._file, msgspec.json.encode(one) + b"\n")


class LastingTill(Till):
    """A till that begins where its books end."""

    def forget(self) -> None:
        super().forget()
        home = settings().home
        self.turn(msgspec.structs.replace(self.knobs, auto_s=AUTO_S))
        self.payments = Book(home / f"{self.name}.payments", Payment)
        self.refunds = Book(home / f"{self.name}.refunds", Refund)
        for refund in self.refunds.values():
            if refund.of in self.payments and not (refund.outcome.mtn or refund.outcome.airtel):
                self.payments[refund.of].refunded += refund.amount
        for payment in self.payments.values():
            if payment.state == "pending":
                self._later(self._run(payment))

    def _set(self, payment: Payment, outcome: Outcome) -> None:
        super()._set(payment, outcome)
        self.payments.write(payment)  # type: ignore[attr-defined]  a Book


class Truth(Struct, frozen=True):
    """One provider's books, as its address for tests gives them."""

    payments: list[Payment]
    refunds: list[Refund]


if __name__ == "__main__":
    for module in (mtn, airtel):
        module.Till = LastingTill  # type: ignore[misc]
    app.serve()
