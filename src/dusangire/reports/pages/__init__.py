"""Pages for those who look at the whole: today's figures and their rows, reports, the history of changes."""

from dusangire.reports.pages.analytics import Analytics
from dusangire.reports.pages.audit import Audit
from dusangire.reports.pages.lists import Lists
from dusangire.reports.pages.overrides import OverrideReport
from dusangire.reports.pages.system import System
from dusangire.reports.pages.today import Today

CONTROLLERS = [Today, Lists, System, Analytics, OverrideReport, Audit]
