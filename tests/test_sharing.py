"""What an ordinary run of the tests leaves out."""

from types import SimpleNamespace

from sharing import in_ordinary_run


def item(test, case=None, **marks):
    """What pytest calls an item: a test, or a case of it."""
    made = SimpleNamespace(
        nodeid=f"{test}[{case}]" if case is not None else test,
        get_closest_marker=lambda name: SimpleNamespace(args=(marks[name],)) if name in marks else None,
    )
    if case is not None:
        made.callspec = case
    return made


def test_n_turns_take_every_case_once():
    items = [item(test, case, share=3) for test in "ab" for case in range(7)]
    taken = [case.nodeid for turn in (5, 6, 7) for case in in_ordinary_run(items, turn)]
    assert sorted(taken) == sorted(case.nodeid for case in items)


def test_a_test_without_cases_or_marks_stays():
    whole, usual = item("a", share=2), item("b", 1)
    assert all(in_ordinary_run([whole, usual], turn) == [whole, usual] for turn in range(4))


def test_whoever_names_tests_gets_all_of_their_cases_but_thorough_ones():
    items = [item("a", case, share=2) for case in range(3)]
    assert in_ordinary_run([*items, item("b", thorough=None)], None) == items
