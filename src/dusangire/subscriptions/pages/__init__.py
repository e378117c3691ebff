"""Pages of plans: one's own, their payment, and the office."""

from dusangire.subscriptions.pages.office import Office, Subscriptions
from dusangire.subscriptions.pages.own import OnePlan, Plans
from dusangire.subscriptions.pages.pay import PayPlan

CONTROLLERS = [Plans, OnePlan, PayPlan, Office, Subscriptions]
