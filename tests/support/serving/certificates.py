"""Certificates for localhost, made when they are needed."""

import dataclasses
import datetime
import ipaddress
import pathlib
import socket
import ssl

import pytest

from serving.client import protos

x509 = pytest.importorskip("cryptography.x509")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A self-signed certificate and its key, as PEM text. It is its own CA."""

    cert: str
    key: str = dataclasses.field(repr=False)

    @property
    def der(self) -> bytes:
        """What a TLS client sees of it."""
        return ssl.PEM_cert_to_DER_cert(self.cert)


def make_pair(password: bytes | None = None) -> Pair:
    """A new one, valid for a day."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), address]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secrecy = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, secrecy)
    return Pair(signed.public_bytes(pem).decode(), private.decode())


def write_ssl_config(path: pathlib.Path, pair: Pair, **fields: object) -> str:
    """An SSLConfig file as the server reads it, swapped in as a whole."""
    from google.protobuf import text_format

    settings = {"server_key": pair.key, "server_cert": pair.cert, **fields}
    fresh = path.with_suffix(".new")
    fresh.write_text(text_format.MessageToString(protos.SSLConfig(**settings)))
    fresh.chmod(0o600)
    fresh.rename(path)
    return str(path)


def shown_certificate(port: int, client: ssl.SSLContext | None = None) -> bytes:
    """The certificate that a TLS port shows, in DER."""
    if client is None:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
    client.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        client.wrap_socket(plain) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""
