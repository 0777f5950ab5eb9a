"""A name as the last part of an address: any text, with slashes and line ends. Starlette's own "path" has no line ends.

It is registered under a name of its own, so that other applications of the process keep Starlette's convertors.
"""

from starlette.convertors import Convertor, register_url_convertor

NAME = "open_analytic_name"  # in a route: f"/collections/{{name:{NAME}}}"


class _Name(Convertor[str]):
    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(NAME, _Name())
