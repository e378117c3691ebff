"""Everything that changes money."""

from dusangire.payments.queries import is_covered
from dusangire.payments.service.asking import (
    ask_soon,
    claim_payment,
    claim_refund,
    expire_unsent,
    mark_refund_sent,
    mark_sent,
    may_send_again,
)
from dusangire.payments.service.confirming import (
    accept_quarantined,
    confirm,
    keep_quarantined,
    return_quarantined,
    started,
)
from dusangire.payments.service.fiscal import (
    claim_receipt,
    queue_cancelled,
    queue_refund,
    queue_sale,
    set_tax_class,
    signed,
)
from dusangire.payments.service.intents import (
    Share,
    cancel,
    open_payment,
    open_shares,
    settle,
    settle_bank,
    settle_cash,
    switch,
)
from dusangire.payments.service.ledger import post, reverse, reverse_key, sell
from dusangire.payments.service.phones import forget_phone, keep_phone
from dusangire.payments.service.providers import forget_hooks, note_hook, note_provider
from dusangire.payments.service.reconciling import reconcile, resolve
from dusangire.payments.service.refund_asking import confirm_refund
from dusangire.payments.service.refunds import compensate, give_back, invalidate, pay_otherwise, pay_out

__all__ = [
    "Share",
    "accept_quarantined",
    "ask_soon",
    "cancel",
    "claim_payment",
    "claim_receipt",
    "claim_refund",
    "compensate",
    "confirm",
    "confirm_refund",
    "expire_unsent",
    "forget_hooks",
    "forget_phone",
    "give_back",
    "invalidate",
    "is_covered",
    "keep_phone",
    "keep_quarantined",
    "mark_refund_sent",
    "mark_sent",
    "may_send_again",
    "note_hook",
    "note_provider",
    "open_payment",
    "open_shares",
    "pay_otherwise",
    "pay_out",
    "post",
    "queue_cancelled",
    "queue_refund",
    "queue_sale",
    "reconcile",
    "resolve",
    "return_quarantined",
    "reverse",
    "reverse_key",
    "sell",
    "set_tax_class",
    "settle",
    "settle_bank",
    "settle_cash",
    "signed",
    "started",
    "switch",
]
