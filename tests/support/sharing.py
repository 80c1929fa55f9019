"""Which tests an ordinary run leaves out: those marked `thorough`, and most cases of those marked `share`."""

from collections import Counter


def in_ordinary_run(items, turn):
    """Returns those of pytest's `items` that are not left out.

    `turn` says which cases of a test marked `share(n)` stay: one n-th of them, another for each of n turns in a row. All
    of them stay where it is None.
    """
    cases, kept = Counter(), []
    for item in items:
        if item.get_closest_marker("thorough"):
            continue
        share = item.get_closest_marker("share")
        if share and turn is not None and hasattr(item, "callspec"):
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if (cases[test] + turn) % share.args[0]:
                continue
        kept.append(item)
    return kept
