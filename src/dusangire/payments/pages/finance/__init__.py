"""The finance office: payments, refunds, cash, the bank, bills, reconciliation, the books."""

from dusangire.payments.pages.finance.bank import Bank, Invoice, Invoices
from dusangire.payments.pages.finance.cash import CashDesk, Counter, OwnCash
from dusangire.payments.pages.finance.ledger import Ledger
from dusangire.payments.pages.finance.overview import OldAddress, Overview
from dusangire.payments.pages.finance.payment import OnePayment, Refunds
from dusangire.payments.pages.finance.receipts import Receipts
from dusangire.payments.pages.finance.reconciliation import Reconciliation
from dusangire.payments.pages.finance.settings import Settings
from dusangire.payments.pages.finance.statements import Settled, Statements

FINANCE = [
    Bank, CashDesk, Counter, Invoice, Invoices, Ledger, OldAddress, OnePayment, Overview, OwnCash, Receipts,
    Reconciliation, Refunds, Settings, Settled, Statements,
]  # fmt: skip
