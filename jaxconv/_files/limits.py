"""How much memory a file may ask for."""

_FLOOR = 2**28
_OBJECT = 64
"""Bytes that a Python object takes, more or less."""


class Damaged(ValueError):
    """The file is not what it should be; the text says why."""


class Unshared(Damaged):
    """The file is good, and has dtypes that torch and JAX do not share."""


class Budget:
    """Counts what is made of a file, and refuses before there is too much of it.

    Args:
        limit: bytes. None for twice the file's size, and at least 256 MiB: nobody's checkpoint needs more.
        size: of the file.
    """

    def __init__(self, limit: int | None, size: int):
        self.limit = max(2 * size, _FLOOR) if limit is None else limit
        self.used = 0

    def charge(self, count: int, what: str) -> None:
        """Notes `count` bytes.

        Raises:
            Damaged: it is too much.
        """
        self.used += count
        if self.used > self.limit:
            raise Damaged(
                f"{what} takes more than {self.limit} bytes, the limit for a file of this size; "
                f"if you trust the file, pass a larger `max_bytes`"
            )

    def objects(self, count: int) -> None:
        """Notes Python objects."""
        self.charge(_OBJECT * count, "what the pickle makes of itself")
