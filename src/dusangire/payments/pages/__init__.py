"""Pages of money."""

from dusangire.payments.pages.coupons import Coupons
from dusangire.payments.pages.finance import FINANCE
from dusangire.payments.pages.funds import Funds
from dusangire.payments.pages.funds_report import FundReport
from dusangire.payments.pages.help import Help
from dusangire.payments.pages.hooks import Hooks
from dusangire.payments.pages.own import OwnPayments, OwnPhones
from dusangire.payments.pages.payers import Payers

CONTROLLERS = [*FINANCE, Coupons, Funds, FundReport, Help, Hooks, OwnPayments, OwnPhones, Payers]
