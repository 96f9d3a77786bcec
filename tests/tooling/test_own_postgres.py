"""The server that fault tests hurt: what was committed before it is killed is there when it starts again."""

import psycopg
import pytest

from tests.faults.postgres import cluster

pytestmark = pytest.mark.postgres


def test_killed_frozen_and_stopped_it_comes_back_with_what_was_committed():
    with cluster() as server:
        server.run("CREATE TABLE kept (id int)")
        for fault in (server.kill, server.stop):
            server.run("INSERT INTO kept VALUES (1)")
            fault()
            with pytest.raises(psycopg.OperationalError):
                server.run("SELECT 1")
            server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (2,)


def test_a_frozen_server_lets_nobody_in_until_it_is_thawed():
    with cluster() as server:
        server.freeze()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url(), connect_timeout=2)
        server.thaw()
        server.run("SELECT 1")


def test_cut_connections_end_and_others_may_be_made():
    with cluster() as server, psycopg.connect(server.url(), autocommit=True) as connection:
        server.run("CREATE DATABASE other")
        with psycopg.connect(server.url("other"), autocommit=True) as victim:
            server.cut("other")
            with pytest.raises(psycopg.OperationalError):
                victim.execute("SELECT 1")
        assert connection.execute("SELECT 1").fetchone() == (1,)
        server.run("SELECT 1", database="other")
