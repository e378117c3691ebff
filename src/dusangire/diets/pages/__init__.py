"""Pages about diets: patients, one patient's page, the prescription, the nutritionist's desk, the manual."""

from .chart import ChartPage
from .desk import NutritionistDesk
from .fasting import FastingPage
from .feed_products import FeedProducts
from .feeds import FeedsPage
from .flags import FlagsPage
from .manual import ManualDrafts, ManualVersions
from .merging import Merging
from .prescription import PrescriptionPage
from .printed import PrintedOrder
from .profiles import Profiles
from .protocols import ProtocolPage
from .stops import MealStops
from .uncoded import Uncoded

CONTROLLERS = [
    Merging,
    Profiles,
    ChartPage,
    PrescriptionPage,
    PrintedOrder,
    FastingPage,
    FlagsPage,
    FeedsPage,
    FeedProducts,
    ManualVersions,
    ManualDrafts,
    ProtocolPage,
    NutritionistDesk,
    MealStops,
    Uncoded,
]
