"""What every input of texts checks of a value, before it is read."""

from typing import Any

from open_analytic.errors import BadText, ModelFailed

MAX_CHARACTERS = 10_000_000  # that a card can allow


def check(text: Any, model: str, max_characters: int) -> None:
    """Refuse what is no text (ModelFailed), a text that is too long or not Unicode (BadText)."""
    if not isinstance(text, str):
        raise ModelFailed(
            f"Model {model!r} takes texts, and this is {type(text).__name__}.",
            hint="Use it in a step that takes a text.",
        )
    if len(text) > max_characters:
        raise BadText(
            f"The text has {len(text):,} characters; model {model!r} takes {max_characters:,}.",
            hint="Cut the text into parts, or raise max_characters on the model's card.",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadText(f"The text is not Unicode: {error}.", hint="Decode it with the right charset.") from error
