"""`baton audit` as a person types it: what it says, its exit codes, and exports that others check without the database."""

import json
from datetime import timedelta

import pytest
from pymerkle import InmemoryTree, verify_consistency
from sqlalchemy import delete, text, update

from broker.storage import audit_head, audit_log, deliveries, migrate, row_digests
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.storage.tables import Audit, AuditLeaf, AuditSeal
from tests.command import Command
from tests.conftest import NOON
from tests.integration import delivery_rows
from tests.sealed import noted, sealed, unguarded

KEY = "a key of forty characters, or even longer"
BATCHES = 4


@pytest.fixture
def baton(tmp_path, capsys):
    """The command in a folder with a sealed audit: four batches of three, a minute apart, and one entry that waits."""
    store = open_store(f"sqlite:///{tmp_path / 'var' / 'baton.db'}", AesCodec(KEY.encode()))
    migrate.upgrade(store.engine)
    for batch in range(BATCHES):
        at = NOON + timedelta(minutes=batch)
        noted(store, *(f"task-{batch}-{number}" for number in range(3)), at=at)
        sealed(store, now=at + timedelta(seconds=1))
    noted(store, "waits", at=NOON + timedelta(hours=1))
    store.close()
    return Command(tmp_path, capsys)


def verify(baton, *words, code=0):
    """What it prints: on standard output, or on standard error when something is wrong."""
    return baton("audit", "verify", *words, code=code, BATON_SECRET_KEY=KEY)


def rows(baton, *words, code=0):
    return baton("audit", "rows", *words, code=code, BATON_SECRET_KEY=KEY)


def tampered(baton, *statements):
    store = open_store(f"sqlite:///{baton.folder / 'var' / 'baton.db'}", AesCodec(KEY.encode()))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        unguarded(connection)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    store.close()


def test_what_is_whole_is_said_to_be_and_what_waits_is_counted(baton):
    said = verify(baton)
    assert "Sealed: 12 entries; head 4 of 2026-03-02 12:03:01 UTC." in said
    assert "Not sealed yet: 1, the oldest " in said
    assert "All of it is as it was sealed." in said
    found = json.loads(verify(baton, "--json"))
    assert (found["verified"], found["sealed"], found["fault_count"], found["faults"]) == (True, 12, 0, [])
    assert (found["unsealed"]["count"], found["head"]["number"]) == (1, 4)
    assert found["public_keys"][0] in said


def test_the_first_wrong_position_is_named_with_what_is_wrong(baton):
    tampered(baton, update(Audit).where(Audit.entity_id.in_(["task-1-0", "task-2-0"])).values(team_id="x"))
    said = verify(baton, code=1).splitlines()
    assert len(said) == 3
    assert all(line.startswith("position ") and ": changed: " in line for line in said[:2])
    assert 3 <= int(said[0].split()[1].rstrip(":")) < 6 <= int(said[1].split()[1].rstrip(":")) < 9
    assert said[2] == "The audit is not what was sealed."


def test_a_head_that_was_kept_finds_a_cut_off_end(baton):
    (baton.folder / "kept.json").write_text(verify(baton, "--json"))
    assert "All of it" in verify(baton, "--head", "kept.json")
    ids = text("DELETE FROM audit WHERE id IN (SELECT audit_id FROM auditleaf WHERE position >= 9)")
    tampered(baton, ids, delete(AuditLeaf).where(AuditLeaf.position >= 9), delete(AuditSeal).where(AuditSeal.size > 9))
    assert "All of it" in verify(baton)
    assert "position 9: missing: " in verify(baton, "--head", "kept.json", code=1)
    (baton.folder / "kept.json").write_text("{}")
    assert "has no head" in verify(baton, "--head", "kept.json", code=1)


def exported(baton, *words):
    baton("audit", "export", "--out", "audit.jsonl", *words, BATON_SECRET_KEY=KEY)
    return [json.loads(line) for line in (baton.folder / "audit.jsonl").read_text().splitlines()]


def checked(baton, key, code=0):
    """The export checked by somebody who has nothing but it and the public key."""
    return baton("audit", "verify", "--export", "audit.jsonl", "--public-key", key, code=code)


def rewrite(baton, lines):
    (baton.folder / "audit.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_export_is_checked_anywhere(baton):
    lines = exported(baton)
    key = lines[0]["public_key"]
    assert [line["position"] for line in lines if "position" in line] == list(range(12))
    assert [line["head"]["size"] for line in lines if "head" in line] == [3, 6, 9, 12]
    assert "Sealed: 12 entries" in checked(baton, key)
    assert "signature" in checked(baton, "A" * 43 + "=", code=1)
    assert "Say which key" in baton("audit", "verify", "--export", "audit.jsonl", code=1)
    [row] = [line for line in lines if line.get("position") == 5]
    row["entry"]["action"] = "administer"
    rewrite(baton, lines)
    assert "position 5: changed" in checked(baton, key, code=1)
    rewrite(baton, [line for line in lines if line.get("position") != 4])
    assert "position 4: missing" in checked(baton, key, code=1)
    rewrite(baton, lines[1:])
    assert "is not an export" in checked(baton, key, code=1)
    rewrite(baton, [*lines[:3], {"position": "x"}])
    assert "line 4 is not one of an export" in checked(baton, key, code=1)


def test_a_part_is_exported_with_its_proof_and_without_other_entries(baton):
    lines = exported(baton, "--since", "2026-03-02T12:01:00", "--until", "2026-03-02T12:02:00")
    key = lines[0]["public_key"]
    assert lines[0]["from"]["size"] == 3
    assert [line["position"] for line in lines if "entry" in line] == [3, 4, 5]
    assert [line["head"]["number"] for line in lines if "head" in line] == [2]
    checked(baton, key)
    lines[0]["from"]["size"] = 2
    rewrite(baton, lines)
    assert "signature" in checked(baton, key, code=1)
    assert len(exported(baton, "--since", "2027-01-01")) == 1
    assert "Nothing is sealed yet." in checked(baton, key)


def test_handing_the_audit_out_is_audited(baton):
    before = json.loads(verify(baton, "--json"))["unsealed"]["count"]
    exported(baton)
    assert json.loads(verify(baton, "--json"))["unsealed"]["count"] == before + 1


def test_without_a_key_it_says_which_to_give(baton):
    assert "--public-key" in baton("audit", "verify", code=1)
    assert "base64" in baton("audit", "verify", "--public-key", "x", code=2)


def test_an_export_goes_on_where_the_last_one_ended(baton):
    lines = exported(baton, "--after", "2")
    assert [line["position"] for line in lines if "position" in line] == list(range(6, 12))
    assert all(line["entry"] for line in lines if "position" in line)
    assert lines[0]["from"]["number"] == 2
    assert "Sealed: 12 entries" in checked(baton, lines[0]["public_key"])
    assert len(exported(baton, "--after", "4")) == 1
    for words in (("--after", "9"), ("--after", "2", "--since", "2026-03-02")):
        assert baton("audit", "export", *words, code=1 if len(words) == 2 else 2, BATON_SECRET_KEY=KEY)


def received(baton, number):
    """The head of that number as an agency has it from a receipt."""
    store = open_store(f"sqlite:///{baton.folder / 'var' / 'baton.db'}", AesCodec(KEY.encode()))
    head = store.read(lambda session: audit_log.head(session, number))
    store.close()
    (baton.folder / "kept.txt").write_text(f"baton-audit-head: {audit_head.written(head)}\n")
    return head


def test_a_head_from_a_receipt_is_proved_against_what_is_there_now(baton):
    head = received(baton, 2)
    assert "All of it" in verify(baton, "--head", "kept.txt")
    baton("audit", "proof", "--head", "kept.txt", "--out", "proof.json", BATON_SECRET_KEY=KEY)
    plain = json.loads((baton.folder / "proof.json").read_text())
    assert (plain["first"]["root"], plain["second"]["number"]) == (head.root.hex(), 4)
    assert "entry" not in json.dumps(plain)
    key = exported(baton)[0]["public_key"]
    assert "begins with the whole log of head 2" in baton(
        "audit", "verify", "--proof", "proof.json", "--public-key", key
    )
    assert "not signed" in baton("audit", "verify", "--proof", "proof.json", "--public-key", "A" * 43 + "=", code=1)
    plain["path"][0] = "00" * 32
    (baton.folder / "proof.json").write_text(json.dumps(plain))
    said = baton("audit", "verify", "--proof", "proof.json", "--public-key", key, code=1)
    assert "it was rewritten" in said


def test_no_proof_is_made_of_a_log_that_is_not_the_one_of_the_head(baton):
    received(baton, 2)
    tampered(baton, update(AuditLeaf).where(AuditLeaf.position == 3).values(hash=bytes(32)))
    assert "not the one of the head" in baton("audit", "proof", "--head", "kept.txt", code=1, BATON_SECRET_KEY=KEY)
    tampered(baton, delete(AuditLeaf).where(AuditLeaf.position >= 3), delete(AuditSeal).where(AuditSeal.size > 3))
    assert "cut off" in baton("audit", "proof", "--head", "kept.txt", code=1, BATON_SECRET_KEY=KEY)


def test_somebody_elses_tree_over_the_export_has_the_root_of_every_head(baton):
    """The log and its heads by pymerkle (RFC 9162 is its tree too), which knows nothing of ours but the form of an entry."""
    tree = InmemoryTree(algorithm="sha256")
    roots = {}
    for line in exported(baton)[1:]:
        if "head" in line:
            roots[line["head"]["size"]] = bytes.fromhex(line["head"]["root"])
        else:
            said = json.dumps(line["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            tree.append_entry(said.encode())
    assert {size: tree.get_state(size) for size in roots} == roots
    assert len(roots) == BATCHES
    verify_consistency(roots[3], roots[12], tree.prove_consistency(3, 12))


def test_rows_are_compared_with_what_the_audit_says_of_them(baton):
    def changed(sql):
        store = open_store(f"sqlite:///{baton.folder / 'var' / 'baton.db'}", AesCodec(KEY.encode()))
        store.write(lambda session: session.execute(text(sql)))
        store.close()

    assert rows(baton).startswith("0 rows compared, 0 differ; 0 are of before")
    store = open_store(f"sqlite:///{baton.folder / 'var' / 'baton.db'}", AesCodec(KEY.encode()))
    store.write(delivery_rows.directory_rows)
    store.write(lambda session: delivery_rows.notification(session, store))
    store.write(lambda session: deliveries.insert(session, [delivery_rows.delivery("cape-hill-practice")]))
    store.close()
    assert "2 rows compared since 2026-03-02" in rows(baton)
    found = json.loads(rows(baton, "--json"))
    assert (found["rows"], found["differing_count"], found["differing"]) == (2, 0, [])
    changed("UPDATE delivery SET reason = 'Somebody said so.'")
    assert "delivery " in (said := rows(baton, code=1))
    assert said.splitlines()[0].endswith(": changed")
    assert "0 rows compared, 0 differ; 2 are of before" in rows(baton, "--since", "2026-03-03")


def test_rows_of_before_are_judged_where_all_are(baton):
    store = open_store(f"sqlite:///{baton.folder / 'var' / 'baton.db'}", AesCodec(KEY.encode()))
    store.write(delivery_rows.directory_rows)
    store.write(lambda session: delivery_rows.notification(session, store))
    of_before = delivery_rows.delivery("cape-hill-practice", NOON - timedelta(days=2))

    def unnoted(session):
        deliveries.insert(session, [of_before])
        row_digests.taken(session)

    store.write(unnoted)
    store.close()
    assert "1 rows compared since 2026-03-02 12:00:00 UTC, 0 differ; 1 are of before" in rows(baton)
    assert rows(baton, "--all", code=1).splitlines() == [f"delivery {of_before['id']}: added"]
    rows(baton, "--all", "--since", "2026-03-03", code=2)
