"""Pages about diets: patients, one patient's page, the prescription, the nutritionist's desk, the manual."""

from .chart import ChartPage
from .desk import NutritionistDesk
from .prescription import PrescriptionPage
from .profiles import Profiles

CONTROLLERS = [Profiles, ChartPage, PrescriptionPage, NutritionistDesk]
