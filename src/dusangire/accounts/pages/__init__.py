"""Pages of accounts: signing in, one's own account, and the people of a hospital."""

from dusangire.accounts.pages.hospital import HospitalPages
from dusangire.accounts.pages.own import OwnAccount
from dusangire.accounts.pages.people import People, Roles
from dusangire.accounts.pages.sign_in import SignIn

CONTROLLERS = [SignIn, OwnAccount, People, Roles, HospitalPages]
