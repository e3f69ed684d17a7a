"""Puts together what was written into one text in two goes, both of which were put back."""


def rewritten(kept: str, first: str, second: str) -> str:
    """The text with both changes, where `first` and `second` each come from `kept`.

    A connection that breaks while somebody types delivers their words in pieces, and each piece is put back before the
    next one arrives: without the earlier piece, the proposal would hold half a sentence.
    """
    (start, end, words), (later_start, later_end, later) = _splice(kept, first), _splice(kept, second)
    if first == second or (words and words in later):
        return second
    if later_start < start:
        (start, end, words), (later_start, later_end, later) = (later_start, later_end, later), (start, end, words)
    return kept[:start] + words + kept[end : max(end, later_start)] + later + kept[max(end, later_end) :]


def _splice(before: str, after: str) -> tuple[int, int, str]:
    """The one piece of `before` that `after` replaces: where it begins and ends, and by what."""
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    left = shorter - start
    same = next((at for at in range(left) if before[-1 - at] != after[-1 - at]), left)
    return start, len(before) - same, after[start : len(after) - same]
