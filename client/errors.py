"""What a client can be told.

ClientError
+-- Refused         the studio does not let you in, or not do that; coming back with the same is no use
+-- NotSaved        a change was not taken, because you may only read this document
+-- OtherEpoch      the document was begun anew; what is kept here belongs to another history: discard or merge it
"""


class ClientError(Exception):
    """Something the caller should know."""


class Refused(ClientError):
    """The studio does not let you in, or not do that."""


class NotSaved(ClientError):
    """A change was not taken, because you may only read this document."""


class OtherEpoch(ClientError):
    """The document was begun anew; the copy here belongs to another history, and nothing of it was merged.

    `LocalDocument.discard` lets the copy go; `LocalDocument.merge` adds what only it holds as new edits.
    """
