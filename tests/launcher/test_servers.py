"""PostgreSQL and Valkey as we start them: whoever we are, wherever the folder lies."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.embedded import servers
from deploy.embedded.process import Running, Unavailable
from deploy.embedded.servers import (
    LONGEST_SOCKET_PATH,
    Postgres,
    Valkey,
    check_room,
    sockets_folder,
)
from tests.launcher.conftest import until


@pytest.fixture
def up():
    """Start a server and wait for it; all are stopped after the test."""
    started = []

    def begin(server):
        running = Running(server, within_s=60)
        started.append(running)
        until(running.ready, f"{server.name} is ready")
        return running

    yield begin
    for running in started:
        running.stop()


def crash(running: Running) -> None:
    running.child.send_signal(signal.SIGKILL)
    running.child.wait()


def rows(postgres: Postgres) -> int:
    with psycopg.connect(postgres.url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM kept").fetchone()
    return count


def test_a_killed_postgres_comes_back_with_every_committed_row(up, home):
    postgres = Postgres(home, home)
    running = up(postgres)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000)")
    crash(running)
    up(postgres)
    assert rows(postgres) == 1000


def test_a_killed_valkey_comes_back_with_its_keys(up, home):
    valkey = Valkey(home, home)
    running = up(valkey)
    client = redis.Redis.from_url(valkey.url)
    client.set("kept", "yes")
    # Written every second; a crash of the process alone loses nothing the kernel was given.
    crash(running)
    up(valkey)
    assert client.get("kept") == b"yes"


def test_a_stale_lock_that_names_a_living_process_does_not_matter(up, home):
    postgres = Postgres(home, home)
    running = up(postgres)
    crash(running)
    lock = home / "postgres/postmaster.pid"
    _, *others = lock.read_text().splitlines()
    # What a container's restart does: the old number is now an unrelated process's.
    bystander = subprocess.Popen(["sleep", "600"], user=running.program.uid)
    try:
        lock.write_text("\n".join([str(bystander.pid), *others, ""]))
        (postgres.sockets / ".s.PGSQL.5432.lock").write_text(f"{bystander.pid}\n")
        up(postgres)
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("server", [Postgres, Valkey])
def test_data_held_by_a_live_server_is_refused_in_one_line(up, home, monkeypatch, server):
    monkeypatch.setattr(servers, "PATIENCE_S", 0.1)
    pid = up(server(home, home)).child.pid
    with pytest.raises(Unavailable, match=rf"\(process {pid}\) holds {home}/") as refusal:
        server(home, home).prepare()
    assert refusal.value.exit_code == 2


def test_an_interrupted_initdb_is_begun_anew(up, home):
    (home / "postgres.half/base").mkdir(parents=True)
    up(Postgres(home, home))
    assert not (home / "postgres.half").exists()


def test_postgres_never_runs_as_root(up, home):
    pid = up(Postgres(home, home)).child.pid
    (uids,) = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "Uid:" in line
    ]
    assert "0" not in uids.split()


@pytest.mark.parametrize("name", ["with a blank", "x" * 90, "模型"])
def test_a_path_no_socket_can_have_moves_the_sockets_alone(up, home, name):
    place = home / name
    place.mkdir()
    postgres, valkey = Postgres(place, place), Valkey(place, place)
    up(postgres)
    up(valkey)
    with psycopg.connect(postgres.url) as connection:
        (database,) = connection.execute("SELECT current_database()").fetchone()
    assert database == "sdconsole"
    # rq asks for this of every client, and redis-py must be able to read the answer.
    assert redis.Redis.from_url(valkey.url).client_info()["db"] == 0
    assert len(os.fsencode(postgres.sockets)) < LONGEST_SOCKET_PATH
    assert (place / "postgres/PG_VERSION").exists()
    shutil.rmtree(postgres.sockets.parent)


def test_a_socket_folder_others_may_enter_is_refused(home):
    (home / "run").mkdir(mode=0o755)
    with pytest.raises(Unavailable, match="is not ours alone"):
        sockets_folder(home)


def test_a_full_disk_is_named_before_anything_starts(home, monkeypatch):
    check_room(home)
    monkeypatch.setattr(servers, "NEEDED_FREE_BYTES", 2**60)
    with pytest.raises(Unavailable, match=rf"MiB are free on the disk of {home}"):
        check_room(home)
