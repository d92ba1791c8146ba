"""The key that assertions are signed with, and what is published of it: ES256 and RS256 by RFC 7515 to 7519."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.errors import NotPossible

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

_WHOEVER_RUNS_IT = "Whoever administers the installation sets onBehalfOf.enabled of the chart."


class KeyFile:
    """A key in a PEM file, read anew for each signature: a key that is changed is used from then on."""

    def __init__(self, path: Path, issuer: str) -> None:
        self.path = path
        """Where the key is."""
        self.issuer = issuer

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT. Raises NotPossible where the key is missing or is none."""
        from joserfc import jwt

        key = self._key()
        header = {"alg": _algorithm(key), "typ": "JWT", "kid": key.thumbprint()}
        return jwt.encode(header, dict(claims), key)

    def _key(self) -> ECKey | RSAKey:
        try:
            key = key_of(self.path.read_bytes())
        except OSError as error:
            reason = error.strerror or str(error)
            raise NotPossible(f"the key for assertions cannot be read from {self.path}: {reason}") from error
        if not key.is_private:
            raise NotPossible(f"{self.path} holds no private key")
        return key


class LocalKey(KeyFile):
    """A key of this machine's own, made when it is first needed; nobody else may read it."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT."""
        self.ensure()
        return super().sign(claims)

    def ensure(self) -> None:
        """Make the key unless it is there: of two that make one at once, the first stays."""
        if self.path.exists():
            return
        from joserfc.jwk import ECKey

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self.path.with_name(f".{self.path.name}.{os.getpid()}.{threading.get_ident()}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(ECKey.generate_key("P-256").as_pem(private=True))
        with contextlib.suppress(FileExistsError):
            os.link(made, self.path)
        made.unlink()


class NoKey:
    """An installation that signs nothing."""

    issuer = ""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Raises NotPossible."""
        raise NotPossible(f"this installation signs no assertions for {claims['aud']}", hint=_WHOEVER_RUNS_IT)


def published(files: Iterable[Path]) -> dict[str, Any]:
    """The key set (RFC 7517) of the public keys in these files: keys or certificates. Raises NotPossible."""
    keys = {}
    for file in files:
        try:
            key = key_of(file.read_bytes())
        except OSError as error:
            raise NotPossible(f"{file} cannot be read: {error.strerror or error}") from error
        kid = key.thumbprint()
        keys[kid] = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": _algorithm(key)}
    return {"keys": list(keys.values())}


def key_of(pem: bytes) -> ECKey | RSAKey:
    """The key of a PEM text: private, public, or that of a certificate. Raises NotPossible."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    if b"BEGIN CERTIFICATE" in pem:
        pem = _of_certificate(pem)
    for kind in (ECKey, RSAKey):
        with contextlib.suppress(ValueError, TypeError, JoseError, AttributeError):
            return kind.import_key(pem)
    raise NotPossible("the key for assertions is neither ECDSA (P-256) nor RSA in PEM")


def _of_certificate(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_pem_x509_certificate

    try:
        public = load_pem_x509_certificate(pem).public_key()
    except ValueError as error:
        raise NotPossible("the certificate for assertions cannot be read") from error
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _algorithm(key: ECKey | RSAKey) -> str:
    return "RS256" if key.key_type == "RSA" else "ES256"
