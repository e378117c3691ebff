"""Pages of the ward board: all wards, one ward, its hand-over list, one bed and its card."""

from dusangire.board.pages.beds import Beds
from dusangire.board.pages.wards import Wards

CONTROLLERS = [Wards, Beds]
