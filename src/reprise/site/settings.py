"""How the site runs: read from the environment, each with a default that works on one machine without any set-up."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import limits
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reprise.errors import InvalidInputError

_KEY_BYTES = 32


def default_folder() -> Path:
    """Give the folder of the site's files: `REPRISE_SITE_FOLDER`, else ``reprise-site`` in the current folder."""
    return Path(os.environ.get("REPRISE_SITE_FOLDER") or "reprise-site")


class Settings(BaseSettings):
    """How the site runs; each is read from the variable ``REPRISE_SITE_<NAME>``, lists separated by commas.

    Parameters
    ----------
    folder : where the database file, the index of meanings and the secret key are kept.
    database_url : address of the database, also read from ``DATABASE_URL``; empty takes a SQLite file in `folder`.
    base_url : address under which readers reach the site; links in mails begin with it. ``reprise serve`` takes its own
        host and port if it is not set.
    secret_key : signs tokens; empty makes one, once, and keeps it in `folder`.
    title : of the site.
    admins : e-mail addresses of those who moderate.
    smtp_url : ``smtp://[user:password@]host[:port]``, ``smtps://`` for TLS from the start, ``smtp+starttls://`` to
        require it; empty sends nothing.
    mail_from : sender of mails.
    mail_sink : for development: mails are kept instead of sent, and can be read at ``/dev/mail``, on this machine only.
    digest_hour : hour of the day (UTC) at which digests are written.
    arxiv_url, oai_url, daily_url : where papers are ingested from; no other host is ever asked.
    arxiv_categories : categories that are ingested.
    ingest_sources : what is ingested daily, and by ``reprise ingest``: ``arxiv`` (its Atom API), ``oai`` (OAI-PMH, for
        many categories), ``daily``.
    ingest_hour : hour of the day (UTC) at which the server ingests; None leaves that to ``reprise ingest``.
    request_pause : seconds between two requests to arXiv.
    vote_rate, login_rate, search_rate, comment_rate : requests allowed to one reader, such as ``"60/minute"``.
    meaning : whether searches go by meaning too, where a sentence encoder is installed.
    login_minutes : for how long a link to log in is valid.
    session_days : for how long a reader stays logged in.
    jobs : whether this server also does what is due (drawing the map, the daily digest); of several servers, one does.
    trusted_proxies : addresses whose ``X-Forwarded-For`` is believed.

    Examples
    --------
    >>> Settings(folder="papers", database_url="").database_url
    'sqlite:///papers/site.db'
    """

    model_config = SettingsConfigDict(env_prefix="REPRISE_SITE_", extra="ignore", frozen=True, validate_default=True)

    folder: Path = Field(default_factory=default_folder)
    database_url: str = Field(
        default="", validation_alias=AliasChoices("database_url", "REPRISE_SITE_DATABASE_URL", "DATABASE_URL")
    )
    base_url: str = "http://127.0.0.1:8000"
    secret_key: SecretStr = SecretStr("")
    title: str = "Reprise Daily Papers"
    admins: Annotated[frozenset[str], NoDecode] = frozenset()
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = "papers@localhost"
    mail_sink: bool = False
    digest_hour: int = Field(default=6, ge=0, le=23)
    arxiv_url: str = "https://export.arxiv.org/api/query"
    oai_url: str = "https://oaipmh.arxiv.org/oai"
    daily_url: str = "https://huggingface.co/api/daily_papers"
    arxiv_categories: Annotated[tuple[str, ...], NoDecode] = ("cs.LG", "cs.CL", "cs.CV", "stat.ML")
    ingest_sources: Annotated[tuple[Literal["arxiv", "oai", "daily"], ...], NoDecode] = ("arxiv", "daily")
    ingest_hour: int | None = Field(default=None, ge=0, le=23)
    request_pause: float = Field(default=3.0, ge=0)
    vote_rate: str = "60/minute"
    login_rate: str = "5/hour"
    search_rate: str = "60/minute"
    comment_rate: str = "20/hour"
    meaning: bool = True
    login_minutes: int = Field(default=20, gt=0)
    session_days: int = Field(default=60, gt=0)
    jobs: bool = True
    trusted_proxies: Annotated[frozenset[str], NoDecode] = frozenset()

    @field_validator("admins", "trusted_proxies", "arxiv_categories", "ingest_sources", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("admins")
    @classmethod
    def _addresses(cls, value: frozenset[str]) -> frozenset[str]:
        return frozenset(address.lower() for address in value)

    @field_validator("base_url")
    @classmethod
    def _base(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"{value!r} is no address such as https://papers.example.org")
        return value.rstrip("/")

    @field_validator("vote_rate", "login_rate", "search_rate", "comment_rate")
    @classmethod
    def _rate(cls, value: str) -> str:
        try:
            allowed = limits.parse(value).amount
        except ValueError:
            raise ValueError(f"{value!r} is no rate such as 60/minute") from None
        if allowed < 1:
            raise ValueError(f"{value!r} allows nothing; a rate such as 60/minute is expected")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str, info: object) -> str:
        if value.startswith(("postgres://", "postgresql://")):  # as hosts hand them out; psycopg 3 is the driver here
            return "postgresql+psycopg://" + value.partition("://")[2]
        if value:
            return value
        folder = getattr(info, "data", {}).get("folder", Path())
        return f"sqlite:///{Path(folder) / 'site.db'}"

    @property
    def secure(self) -> bool:
        """Whether readers come over HTTPS, so that cookies are sent over nothing else."""
        return self.base_url.startswith("https://")

    def key(self) -> str:
        """Give the secret key, made and kept on first use where none is set."""
        if given := self.secret_key.get_secret_value():
            return given
        path = self.folder / "secret-key"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _keep_once(path, secrets.token_urlsafe(_KEY_BYTES))
        key = path.read_text().strip()
        if len(key) < _KEY_BYTES:
            raise InvalidInputError(f"{path} holds no key; delete it, and another one is made.")
        return key


def _keep_once(path: Path, content: str) -> None:
    """Write a file that only its owner reads, whole or not at all; of several writers, the first."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}-") as file:  # made with 0o600
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
