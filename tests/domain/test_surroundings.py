from __future__ import annotations

from penstock.domain.redaction import is_secret_name
from penstock.domain.surroundings import child_environment

OURS = {
    "PATH": "/venv/bin:.:/usr/bin::relative:/usr/bin:/bin",
    "HOME": "/home/me",
    "VIRTUAL_ENV": "/venv",
    "PYTHONPATH": "/x",
    "PYTHONHOME": "/x",
    "NODE_PATH": "/x",
    "ANTHROPIC_API_KEY": "secret-value",
    "GIT_DIR": "/x",
    "LD_PRELOAD": "/x.so",
}


def test_only_what_is_listed_reaches_a_child() -> None:
    environment = child_environment(OURS, temporary="/t")
    assert environment["HOME"] == "/home/me"
    assert environment["TMPDIR"] == "/t"
    assert environment["LC_ALL"] == environment["LANG"] == "C.UTF-8"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert not (set(OURS) - {"PATH", "HOME"}) & set(environment)
    assert not [name for name in environment if is_secret_name(name)]


def test_the_path_loses_the_activated_environment_and_relative_folders() -> None:
    assert child_environment(OURS, temporary="/t")["PATH"] == "/usr/bin:/bin"


def test_a_folder_that_only_begins_like_the_activated_one_stays() -> None:
    environ = {"PATH": "/venv2/bin:/venv/bin", "VIRTUAL_ENV": "/venv"}
    assert child_environment(environ, temporary="/t")["PATH"] == "/venv2/bin"


def test_an_empty_path_falls_back_to_the_systems_folders() -> None:
    assert child_environment({"PATH": "."}, temporary="/t")["PATH"] == "/usr/local/bin:/usr/bin:/bin"


def test_a_profiles_own_variables_win() -> None:
    assert child_environment({}, temporary="/t", extra={"CI": "0", "A": "b"})["CI"] == "0"


def test_programs_of_an_environment_stand_first() -> None:
    environment = child_environment(OURS, temporary="/t", programs=("/made/bin",))
    assert environment["PATH"] == "/made/bin:/usr/bin:/bin"
