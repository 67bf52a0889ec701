"""What the server's side of TLS consists of: SSLConfig, in PEM texts.

One class for the launcher, which writes the file, and for the server, which reads it.
"""

import dataclasses

from google.protobuf import text_format

from serving.client import protos
from serving.server.config_files import TextFormatError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerTlsConfig:
    """Texts, not paths. `repr` does not show the key.

    With `client_verify`, clients must show a certificate that `custom_ca` signed.

    Raises:
        ValueError: a field is missing.
    """

    server_key: str = dataclasses.field(repr=False)
    server_cert: str
    custom_ca: str = ""
    client_verify: bool = False

    def __post_init__(self) -> None:
        for name in ("server_key", "server_cert"):
            if not getattr(self, name):
                raise ValueError(f"{name} is missing; it takes PEM text, not a path.")
        if self.client_verify and not self.custom_ca:
            raise ValueError(
                "client_verify needs custom_ca: the PEM text of the certificates that "
                "may sign those of clients."
            )

    def to_text(self) -> str:
        """Writes the file for `--ssl_config_file`. It holds the private key."""
        return text_format.MessageToString(protos.SSLConfig(**dataclasses.asdict(self)))

    @classmethod
    def from_text(cls, text: str) -> "ServerTlsConfig":
        """Reads the fields of a text-format SSLConfig.

        Raises:
            ValueError: it is not an SSLConfig, or a field is missing.
        """
        message = protos.SSLConfig()
        try:
            text_format.Parse(text, message, descriptor_pool=protos.pool())
        except text_format.ParseError as error:
            # protobuf quotes what it could not read, which may be the key.
            place = f"line {error.GetLine()}, column {error.GetColumn()}"
            raise TextFormatError(
                f"Error parsing text-format {message.DESCRIPTOR.full_name} at {place}."
            ) from None
        names = (field.name for field in dataclasses.fields(cls))
        return cls(**{name: getattr(message, name) for name in names})
