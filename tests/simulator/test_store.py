"""The store keeps what it was told, over kills and restarts."""

from __future__ import annotations

from simulator.store import Store


def test_what_was_put_is_there_after_a_restart_without_closing(tmp_path):
    store = Store(tmp_path)
    store.put("kind", "a/1", {"n": 1})
    store.put("kind", "a/2", {"n": 2})
    store.delete("kind", "a/1")
    again = Store(tmp_path)
    assert dict(again.items("kind")) == {"a/2": {"n": 2}}


def test_a_torn_last_line_is_dropped(tmp_path):
    store = Store(tmp_path)
    store.put("kind", "a", {"n": 1})
    store.close()
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'["kind","b",{"n":')
    assert dict(Store(tmp_path).items("kind")) == {"a": {"n": 1}}


def test_a_prefix_finds_the_documents_of_one_owner_alone():
    store = Store()
    for owner in ("one", "ones", "two"):
        store.put("kind", f"{owner}/x", {"owner": owner})
    assert [key for key, _ in store.items("kind", "one/")] == ["one/x"]
    assert [key for key, _ in store.items("kind", "one")] == ["one/x", "ones/x"]
    store.delete("kind", "one/x")
    assert list(store.items("kind", "one/")) == []


def test_changes_while_iterating_do_no_harm():
    store = Store()
    for number in range(3):
        store.put("kind", f"a/{number}", {})
    seen = []
    for key, _ in store.items("kind", "a/"):
        seen.append(key)
        store.delete("kind", "a/2")
    assert seen == ["a/0", "a/1"]
