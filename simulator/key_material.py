"""RSA keys that really wrap and unwrap: made, kept as text, shown as JSON web keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.store import Document

SIZES = (2048, 3072, 4096)
PUBLIC_EXPONENT = 65_537


def _oaep(algorithm: Callable[[], hashes.HashAlgorithm]) -> padding.AsymmetricPadding:
    return padding.OAEP(mgf=padding.MGF1(algorithm()), algorithm=algorithm(), label=None)


PADDINGS = {
    "RSA-OAEP": _oaep(hashes.SHA1),
    "RSA-OAEP-256": _oaep(hashes.SHA256),
    "RSA1_5": padding.PKCS1v15(),
}


def generated(bits: int) -> str:
    """A fresh private key as text (about a tenth of a second for 2048 bits)."""
    return _text(rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=bits))


def imported(jwk: Document) -> tuple[str, int]:
    """The private key of a JSON web key, and its size; raises ValueError for one that is not whole or does not fit."""
    try:
        numbers = {name: int.from_bytes(unpacked(str(jwk[name])), "big") for name in ("n", "e", "d", "p", "q")}
    except KeyError as missing:
        raise ValueError(f"the key lacks {missing}") from missing
    n, e, d, p, q = (numbers[name] for name in ("n", "e", "d", "p", "q"))
    if min(p, q) < 3:
        raise ValueError("its primes are none")
    public = rsa.RSAPublicNumbers(e, n)
    private = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    ).private_key()
    if private.key_size not in SIZES:
        raise ValueError(f"RSA keys of {private.key_size} bits are not supported")
    return _text(private), private.key_size


def public_part(material: str) -> dict[str, str]:
    """Modulus and exponent as a JSON web key has them."""
    numbers = _key(material).public_key().public_numbers()
    return {"n": packed(_bytes(numbers.n)), "e": packed(_bytes(numbers.e))}


def encrypted(material: str, algorithm: str, plain: bytes) -> bytes:
    """Raises KeyError for an unknown algorithm, ValueError when the text does not fit the key."""
    return _key(material).public_key().encrypt(plain, PADDINGS[algorithm])


def decrypted(material: str, algorithm: str, cipher: bytes) -> bytes:
    """Raises KeyError for an unknown algorithm, ValueError when it was not encrypted so for this key."""
    return _key(material).decrypt(cipher, PADDINGS[algorithm])


def thumbprint(material: str) -> str:
    """40 hexadecimal digits that tell keys apart, as Azure SQL shows them."""
    return hashlib.sha1(_bytes(_key(material).public_key().public_numbers().n)).hexdigest().upper()  # noqa: S324


def packed(raw: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unpacked(text: str) -> bytes:
    """The bytes again; raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(key: rsa.RSAPrivateKey) -> str:
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return base64.b64encode(der).decode()


def _key(material: str) -> rsa.RSAPrivateKey:
    key = serialization.load_der_private_key(base64.b64decode(material), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
