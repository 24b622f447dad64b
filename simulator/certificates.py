"""The simulator's own certificate authority and server certificate, kept over restarts."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = (
    "localhost",
    "simulator",  # its host name in docker-compose.yml
    "*.localhost",
    "*.vault.localhost",
    "*.vault.azure.net",
    "*.database.localhost",
    "*.database.windows.net",
    "management.azure.com",
    "login.microsoftonline.com",
)
ADDRESSES = ("127.0.0.1", "::1")
LIFE = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)
Key = ec.EllipticCurvePrivateKey


class Certificates:
    """P-256 keys in `directory`, for the owner only: a CA (`ca.pem`) and what the server shows (`server.pem`)."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ca_file = directory / "ca.pem"
        self.server_file = directory / "server.pem"
        self._ca_key_file = directory / "ca.key"
        if not self._is_good():
            self._make()

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, offering HTTP/1.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server_file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _is_good(self) -> bool:
        """All files are there and stay valid for a month."""
        if not all(file.exists() for file in (self.ca_file, self.server_file, self._ca_key_file)):
            return False
        certificates = [x509.load_pem_x509_certificate(file.read_bytes()) for file in (self.ca_file, self.server_file)]
        return all(one.not_valid_after_utc > datetime.now(UTC) + RENEW_BEFORE for one in certificates)

    def _make(self) -> None:
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = _ca_certificate(ca_key)
        server = _server_certificate(key, ca, ca_key)
        _write_private(self._ca_key_file, _pem(ca_key))
        _write_private(self.server_file, _certificate_pem(server) + _certificate_pem(ca) + _pem(key))
        self.ca_file.write_bytes(_certificate_pem(ca))


def _ca_certificate(key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated Azure CA")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(key: Key, ca: x509.Certificate, ca_key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    hosts = [x509.DNSName(host) for host in NAMES]
    addresses = [x509.IPAddress(ip_address(address)) for address in ADDRESSES]
    return (
        _builder(name, ca.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([*hosts, *addresses]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
    )


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_private(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
