"""One tree of errors. The class docstring is the default message; callers get a sentence and a hint.

Each class carries its SQLSTATE (class OA), its HTTP status and the exit code of the command line.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, which a PostgreSQL backend is spared
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, ClassVar


class OpenAnalyticError(Exception):
    """Something went wrong in open_analytic."""

    sqlstate: ClassVar[str] = "OA000"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint)

    def at(self, place: str) -> OpenAnalyticError:
        """The same error; its message begins with the place, such as a file and a line."""
        return type(self)(f"{place}: {self.message}", hint=self.hint)

    def as_dict(self) -> dict[str, Any]:
        """The form errors have in JSON, the same from Python, SQL and the command line."""
        return {"type": type(self).__name__, "sqlstate": self.sqlstate, "message": self.message, "hint": self.hint}


def from_dict(fields: Mapping[str, Any]) -> OpenAnalyticError:
    """The error whose ``as_dict`` another process sent."""
    sqlstate, name = str(fields.get("sqlstate")), fields.get("type")
    named = (kind for kind in _all(OpenAnalyticError) if (kind.sqlstate, kind.__name__) == (sqlstate, name))
    return next(named, of_sqlstate(sqlstate))(fields.get("message"), hint=fields.get("hint"))


def of_sqlstate(sqlstate: str) -> type[OpenAnalyticError]:
    """The class of an SQLSTATE, the narrowest of two; the root of the tree for one it does not know."""
    return ([kind for kind in _all(OpenAnalyticError) if kind.sqlstate == sqlstate] or [OpenAnalyticError])[-1]


def _all(kind: type[OpenAnalyticError]) -> Iterator[type[OpenAnalyticError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all(child)


def _rebuild(cls: type[OpenAnalyticError], message: str, hint: str | None) -> OpenAnalyticError:
    return cls(message, hint=hint)


class NotFound(OpenAnalyticError):
    """There is nothing of this name."""

    sqlstate, http_status, exit_code = "OA001", 404, 4


class UnknownPipeline(NotFound):
    """No pipeline has this name."""

    sqlstate = "OA003"


class UnknownModel(NotFound):
    """No model has this name."""

    sqlstate = "OA004"


class UnknownOperator(NotFound):
    """No operator has this name."""

    sqlstate = "OA005"


class UnknownCollection(NotFound):
    """No collection has this name."""

    sqlstate = "OA006"


class UnknownImage(NotFound):
    """No image in the collection has this name."""

    sqlstate = "OA007"


class UnknownPlan(NotFound):
    """The inference service does not know this definition yet."""

    sqlstate = "OA008"


class Uncalibrated(NotFound):
    """No distances of this pipeline were measured on labelled pairs."""

    sqlstate = "OA009"


class UnknownQuery(NotFound):
    """The picture of this search is no longer kept."""

    sqlstate = "OA024"


class UnknownImport(NotFound):
    """No import has this number."""

    sqlstate = "OA025"


class InvalidInput(OpenAnalyticError):
    """The input is not what was expected."""

    sqlstate, http_status, exit_code = "OA010", 400, 3


class InputTooLarge(InvalidInput):
    """The input is larger than the limits allow."""

    sqlstate, http_status = "OA013", 413


class BadImage(InvalidInput):
    """The bytes are not a picture that can be read."""

    sqlstate, http_status = "OA011", 422


class UnsupportedImage(BadImage):
    """The picture's format is not one that is accepted."""

    sqlstate, http_status = "OA012", 415


class ImageTooLarge(BadImage, InputTooLarge):
    """The picture is larger than the limits allow."""

    sqlstate, http_status = "OA013", 413


class NoFace(InvalidInput):
    """No face was found in the picture."""

    sqlstate, http_status = "OA014", 422


class BadText(InvalidInput):
    """The bytes are not a text that can be read."""

    sqlstate, http_status = "OA026", 422


class BadAudio(InvalidInput):
    """The bytes are not a sound that can be read."""

    sqlstate, http_status = "OA027", 422


class BadVideo(InvalidInput):
    """The bytes are not a video that can be read."""

    sqlstate, http_status = "OA028", 422


class BadVector(InvalidInput):
    """The vector does not fit the collection."""

    sqlstate = "OA015"


class InvalidPipeline(InvalidInput):
    """The pipeline's definition does not hold together."""

    sqlstate = "OA016"


class InvalidName(InvalidInput):
    """The name cannot be used."""

    sqlstate = "OA017"


class InvalidFilter(InvalidInput):
    """The filter is not a condition on the collection's columns."""

    sqlstate = "OA018"


class BadParameter(InvalidInput):
    """A parameter has a value that is not accepted."""

    sqlstate = "OA019"


class UnreadableFile(InvalidInput):
    """The file cannot be read."""

    sqlstate = "OA020"


class UntranslatableStatement(InvalidInput):
    """A statement of the script cannot be translated."""

    sqlstate = "OA021"


class AddressRefused(InvalidInput):
    """Pictures are not fetched from this URL."""

    sqlstate, http_status = "OA022", 403


class FetchFailed(InvalidInput):
    """The picture could not be fetched from its URL."""

    sqlstate, http_status = "OA023", 422


class Conflict(OpenAnalyticError):
    """This would contradict what is already there."""

    sqlstate, http_status, exit_code = "OA030", 409, 5


class CollectionExists(Conflict):
    """A collection or table of this name exists already."""

    sqlstate = "OA031"


class PipelineInUse(Conflict):
    """Collections still use the pipeline."""

    sqlstate = "OA032"


class VersionMismatch(Conflict):
    """The features come from another version of the pipeline than the collection holds."""

    sqlstate = "OA033"


class UnsuitableTable(Conflict):
    """The table cannot become a collection as it is."""

    sqlstate = "OA034"


class ModelError(OpenAnalyticError):
    """A model cannot be used."""

    sqlstate, http_status, exit_code = "OA040", 500, 6


class ModelUnavailable(ModelError):
    """The model's source cannot be reached."""

    sqlstate, http_status = "OA041", 503


class ModelCorrupt(ModelError):
    """The model's file is not the one its card describes."""

    sqlstate = "OA042"


class InvalidCard(ModelError):
    """The model's card does not hold together."""

    sqlstate = "OA043"


class UnsafeModel(ModelError):
    """The model's file asks for something a model has no business with."""

    sqlstate = "OA044"


class ModelFailed(ModelError):
    """The model could not be run on this input."""

    sqlstate = "OA045"


class DatabaseError(OpenAnalyticError):
    """The database refused or failed."""

    sqlstate, http_status, exit_code = "OA050", 503, 7


class CannotConnect(DatabaseError):
    """The database cannot be reached."""

    sqlstate = "OA051"


class NotMigrated(DatabaseError):
    """The database does not have open_analytic's schema, or an older one."""

    sqlstate = "OA052"


class DatabaseTooNew(DatabaseError):
    """The database was upgraded by a newer open_analytic than this one."""

    sqlstate = "OA053"


class MissingExtension(DatabaseError):
    """The server does not offer an extension that is needed."""

    sqlstate = "OA054"


class PermissionDenied(DatabaseError):
    """The database role is not allowed to do this."""

    sqlstate, http_status = "OA055", 403


class ConnectionLost(DatabaseError):
    """The connection to the database broke."""

    sqlstate = "OA056"


class EmbeddedServerFailed(DatabaseError):
    """The embedded PostgreSQL server did not start."""

    sqlstate = "OA057"


class OtherProcess(DatabaseError):
    """The database was opened in another process."""

    sqlstate = "OA058"


class StorageFull(OpenAnalyticError):
    """There is no space left to write to."""

    sqlstate, http_status, exit_code = "OA060", 507, 8


class ServiceError(OpenAnalyticError):
    """The inference service refused or failed."""

    sqlstate, http_status, exit_code = "OA070", 503, 10
    sent: bool = False  # the client sets it: the request was sent, and no answer came


class ServiceUnavailable(ServiceError):
    """The inference service cannot be reached."""

    sqlstate = "OA071"


class ServiceBusy(ServiceError):
    """The inference service has as much to do as it accepts."""

    sqlstate = "OA072"


class DeadlineExceeded(ServiceError):
    """The answer was not there in time."""

    sqlstate, http_status = "OA073", 504


class Unauthorized(ServiceError):
    """The inference service was not given its token."""

    sqlstate, http_status = "OA074", 401


class PluginError(OpenAnalyticError):
    """A plugin cannot be used."""

    sqlstate, exit_code = "OA080", 11
