"""Settings: environment variables read once into one frozen Struct, with every problem named at start."""

import os
import secrets
from functools import cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[3]
EMBEDDED_DATABASE = "dusangire"


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
    )


def with_user(url: str, user: str, password: str) -> str:
    """Return the same database address with another user."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{place}"))


def with_database(url: str, name: str) -> str:
    """Return the same server address with another database."""
    return urlunsplit(urlsplit(url)._replace(path="/" + quote(name)))


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
