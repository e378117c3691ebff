"""Settings: environment variables read once into one frozen Struct, with every problem named at start."""

import os
import re
import secrets
from functools import cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[3]
EMBEDDED_DATABASE = "dusangire"
# What our own simulator of the providers takes for every credential; on loopback only.
DEMO_SECRET = "demo"  # noqa: S105
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SANDBOXES = frozenset({"sandbox.momodeveloper.mtn.com", "openapiuat.airtel.africa", "sdcsandbox.rra.gov.rw"})


class Product(Struct, frozen=True):
    """The credentials of one product at MTN: the subscription key, the API user and its key."""

    key: str
    user: str
    secret: str


class Mtn(Struct, frozen=True):
    """MTN MoMo. currency: as written on the wire; the sandbox takes EUR only. refunds: None where not subscribed."""

    base_url: str
    environment: str
    currency: str
    collection: Product
    refunds: Product | None


class Airtel(Struct, frozen=True):
    """Airtel Money. version: 2 signs its bodies. hash_key: signs the news; pin: of payouts, for refunds in part."""

    base_url: str
    client_id: str
    client_secret: str
    version: int
    hash_key: str | None
    pin: str | None


class Ebm(Struct, frozen=True):
    """The revenue authority's OSDC: the taxpayer, the branch, the registered device and the key it was given."""

    base_url: str
    tin: str
    branch: str
    device: str
    key: str | None


class Settings(Struct, frozen=True):
    """What one installation is told from outside; everything else is data in its database."""

    home: Path
    host: str
    port: int
    database_url: str | None
    app_database_url: str | None
    is_production: bool
    secret: bytes
    web_workers: int
    pool_size: int
    smtp_url: str | None
    mail_from: str
    public_url: str
    is_behind_tls: bool
    providers_port: int
    mtn: Mtn | None
    airtel: Airtel | None
    ebm: Ebm | None

    @property
    def simulates(self) -> bool:
        """True when a provider's address is that of our own simulator, so that it is started too."""
        there = simulator(self.providers_port)
        return any(one is not None and one.base_url.startswith(there) for one in (self.mtn, self.airtel, self.ebm))

    @property
    def is_embedded(self) -> bool:
        """True when no DATABASE_URL is given, so that our own PostgreSQL is started."""
        return self.database_url is None

    @property
    def owner_url(self) -> str:
        """The address with which the database is prepared; the embedded server's follows from the home."""
        if self.database_url:
            return self.database_url
        password = self.derive("owner password").hex()
        return f"postgresql://dus_owner:{password}@/{EMBEDDED_DATABASE}?host={quote(str(self.socket_folder))}&port=5432"

    @property
    def socket_folder(self) -> Path:
        """Where the embedded server's socket lies: short, because a socket's path may have 107 letters."""
        return Path("/tmp") / f"dusangire-{blake2b(str(self.home).encode(), digest_size=5).hexdigest()}"  # noqa: S108  mode 0700

    @property
    def app_role(self) -> str:
        """The login role of web and worker; its name follows from the secret, so installations never share one."""
        return "dus_login_" + self.derive("role").hex()[:10]

    @property
    def app_password(self) -> str:
        return self.derive("app password").hex()

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes that only this installation can make for this purpose."""
        return blake2b(purpose.encode(), key=self.secret[:64], digest_size=32).digest()

    def app_url(self, owner_url: str | None = None) -> str:
        """Return the address the running program uses: the owner's, with the role that owns nothing."""
        if self.app_database_url:
            return self.app_database_url
        return with_user(owner_url or self.owner_url, self.app_role, self.app_password)


class SettingsError(Exception):
    """A setting that cannot be used; the message says which one and how to mend it."""


@cache
def settings() -> Settings:
    """Return this process's settings. Raises SettingsError naming the variable."""
    home = Path(os.environ.get("DUSANGIRE_HOME", ".dusangire")).resolve()
    is_production = _text("DUSANGIRE_ENV", "demo") == "production"
    host, port = _text("HOST", "127.0.0.1"), _number("PORT", 8000, 1, 65535)
    providers_port = _number("PROVIDERS_PORT", port + 1055 if port + 1055 <= 65535 else port - 1055, 1, 65535)
    public_url = _text("PUBLIC_URL", f"http://{'localhost' if host in ('0.0.0.0', '::') else host}:{port}")
    return Settings(
        home=home,
        host=host,
        port=port,
        database_url=_secret("DATABASE_URL"),
        app_database_url=_secret("APP_DATABASE_URL"),
        is_production=is_production,
        secret=_installation_secret(home, is_production=is_production),
        web_workers=_number("WEB_WORKERS", 1, 1, 64),
        pool_size=_number("POOL_SIZE", 10, 2, 200),
        smtp_url=_secret("SMTP_URL"),
        mail_from=_text("MAIL_FROM", "Dusangire <no-reply@dusangire.example>"),
        public_url=public_url.rstrip("/"),
        is_behind_tls=public_url.startswith("https://"),
        providers_port=providers_port,
        mtn=_mtn(providers_port, is_production=is_production),
        airtel=_airtel(providers_port, is_production=is_production),
        ebm=_ebm(providers_port, is_production=is_production),
    )


def simulator(port: int) -> str:
    """Return the address of our own simulator of the providers."""
    return f"http://127.0.0.1:{port}"


def with_user(url: str, user: str, password: str) -> str:
    """Return the same database address with another user."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{place}"))


def with_database(url: str, name: str) -> str:
    """Return the same server address with another database."""
    return urlunsplit(urlsplit(url)._replace(path="/" + quote(name)))


def _mtn(port: int, *, is_production: bool) -> Mtn | None:
    base_url = _provider("MTN", f"{simulator(port)}/mtn", is_production=is_production)
    if base_url is None:
        return None
    collection = _product("MTN_COLLECTION", base_url)
    if collection is None:
        raise SettingsError("MTN_COLLECTION_KEY, MTN_COLLECTION_USER and MTN_COLLECTION_SECRET go with MTN_BASE_URL.")
    is_sandbox = urlsplit(base_url).hostname in _SANDBOXES
    return Mtn(
        base_url=base_url,
        environment=_text("MTN_TARGET_ENVIRONMENT", "sandbox" if is_sandbox else "mtnrwanda"),
        currency=_text("MTN_CURRENCY", "EUR" if is_sandbox else "RWF"),
        collection=collection,
        refunds=_product("MTN_DISBURSEMENT", base_url),
    )


def _product(name: str, base_url: str) -> Product | None:
    said = [_secret(f"{name}_{part}") or _demo_secret(base_url) for part in ("KEY", "USER", "SECRET")]
    if not all(said):
        return None
    key, user, secret = (one or "" for one in said)
    return Product(key, user, secret)


def _airtel(port: int, *, is_production: bool) -> Airtel | None:
    base_url = _provider("AIRTEL", f"{simulator(port)}/airtel", is_production=is_production)
    if base_url is None:
        return None
    client_id = _secret("AIRTEL_CLIENT_ID") or _demo_secret(base_url)
    client_secret = _secret("AIRTEL_CLIENT_SECRET") or _demo_secret(base_url)
    if not client_id or not client_secret:
        raise SettingsError("AIRTEL_CLIENT_ID and AIRTEL_CLIENT_SECRET go with AIRTEL_BASE_URL.")
    return Airtel(
        base_url=base_url,
        client_id=client_id,
        client_secret=client_secret,
        version=_number("AIRTEL_VERSION", 1, 1, 2),
        hash_key=_secret("AIRTEL_HASH_KEY"),
        pin=_secret("AIRTEL_PIN") or ("0000" if _demo_secret(base_url) else None),
    )


def _ebm(port: int, *, is_production: bool) -> Ebm | None:
    base_url = _provider("EBM", f"{simulator(port)}/ebm", is_production=is_production)
    if base_url is None:
        return None
    is_demo = _demo_secret(base_url) is not None
    tin = _text("EBM_TIN", "999000099" if is_demo else "")
    device = _text("EBM_DEVICE", "DEMO0001" if is_demo else "")
    if not re.fullmatch("[0-9]{9}", tin) or not device:
        raise SettingsError("EBM_TIN (nine digits) and EBM_DEVICE (the registered serial number) go with EBM_BASE_URL.")
    return Ebm(base_url, tin, _text("EBM_BRANCH", "00"), device, _secret("EBM_KEY") or _demo_secret(base_url))


def _provider(name: str, demo: str, *, is_production: bool) -> str | None:
    """Return the provider's address: in the demo our simulator's unless another is named, in production None."""
    said = _text(f"{name}_BASE_URL", "" if is_production else demo).rstrip("/")
    if not said:
        return None
    parts = urlsplit(said)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{name}_BASE_URL must be a whole address such as https://…; it is {said!r}.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise SettingsError(f"{name}_BASE_URL must begin with https://: credentials and money travel on it.")
    if is_production and parts.hostname in _SANDBOXES | _LOOPBACK:
        raise SettingsError(
            f"{name}_BASE_URL points to {parts.hostname}, a sandbox or simulator: nobody would be charged. "
            "Name the provider's production address, or leave it empty so that this way of paying is not offered."
        )
    return said


def _demo_secret(base_url: str) -> str | None:
    return DEMO_SECRET if urlsplit(base_url).hostname in _LOOPBACK else None


def _text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def _number(name: str, default: int, least: int, most: int) -> int:
    said = _text(name, str(default))
    if not said.isascii() or not said.isdigit() or not least <= int(said) <= most:
        raise SettingsError(f"{name} must be a whole number from {least} to {most}; it is {said!r}.")
    return int(said)


def _secret(name: str) -> str | None:
    """Read NAME, or the file that NAME_FILE points to, as secrets are mounted."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text().strip() or None
        except OSError as error:
            raise SettingsError(f"{name}_FILE points to {path}, which cannot be read: {error.strerror}.") from error
    return os.environ.get(name, "").strip() or None


def _installation_secret(home: Path, *, is_production: bool) -> bytes:
    said = _secret("DUSANGIRE_SECRET")
    if said:
        if len(said) < 32:
            raise SettingsError(
                "DUSANGIRE_SECRET must have at least 32 characters; make one with `openssl rand -hex 32`."
            )
        return said.encode()
    if is_production:
        raise SettingsError("DUSANGIRE_SECRET (or DUSANGIRE_SECRET_FILE) is required in production.")
    return _kept_secret(home / "secret")


def _kept_secret(path: Path) -> bytes:
    """The demo's own secret: made at the first start, kept readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text().encode()
