"""Everything that changes money."""

from dusangire.payments.service.intents import cancel, open_payment, settle

__all__ = ["cancel", "open_payment", "settle"]
