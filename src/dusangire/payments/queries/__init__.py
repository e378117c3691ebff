"""Everything that is read about money."""

from dusangire.payments.queries.payments import ByMethod, Payment, by_method, payment_of, payments_on

__all__ = ["ByMethod", "Payment", "by_method", "payment_of", "payments_on"]
