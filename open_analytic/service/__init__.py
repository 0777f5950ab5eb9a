"""The inference service: one process that runs models for every session."""

from open_analytic.errors import BadParameter

HTTP_SOCKET, WIRE_PORT = "http.sock", 5433  # of the two sockets in the folder of the service
PARAMETERS_BYTES = 65_536  # of a pipeline's parameters in JSON; here, since a backend loads no other limit
WIRE_SOCKET = f".s.PGSQL.{WIRE_PORT}"  # as PostgreSQL's clients name it


def check_parameters(size: int) -> None:
    """BadParameter when a pipeline's parameters have more bytes of JSON than are read."""
    if size > PARAMETERS_BYTES:
        raise BadParameter(
            f"The parameters have {size:,} bytes of JSON; at most {PARAMETERS_BYTES:,} are read.",
            hint="Give the pipeline's own parameters only; `open-analytic pipeline show` names them.",
        )


def http_address(folder: object) -> str:
    """Where the service in this folder is, for ``service.client``."""
    return f"unix:{folder}/{HTTP_SOCKET}"


def wire_address(folder: object) -> str:
    """The same for what speaks PostgreSQL's protocol."""
    return f"host={folder} port={WIRE_PORT}"
