"""What a confined process sees and may write, tried with real ones; and how strictly a confiner goes about it."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from penstock.adapters.processes import trial as trials
from penstock.adapters.processes.confinement import confinement_of
from penstock.adapters.processes.confiner import Confiner, NotConfinable, WorktreeReplaced
from penstock.adapters.processes.request import Request
from penstock.adapters.processes.trial import NotTried, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.adapters.processes.request import Outcome


def asked(place: Path, script: str, **env: str) -> Request:
    """A shell in the worktree of a place, with its records in the state there."""
    for folder in ("worktree", "state"):
        (place / folder).mkdir(exist_ok=True)
    environ = {"PATH": "/usr/bin:/bin", **env}
    argv, folder = ("/bin/sh", "-c", script), place / "state/attempt"
    return Request(argv=argv, cwd=place / "worktree", env=environ, folder=folder, marker="home:t/1")


@pytest.fixture
def says(trial: Trial, open_place: Path, run: Callable[..., Outcome]) -> Callable[..., str]:
    """What a confined shell prints, errors too."""

    def said(script: str, *, lent: tuple[str, ...] = (), env: dict[str, str] | None = None, **fields: Any) -> str:
        request = asked(open_place, f"exec 2>&1; {script}", **(env or {}))
        home = open_place / "user"
        confiner = Confiner(trial=trial, **{"hidden": (open_place / "state",), "home": home, **fields})
        outcome = run(confiner.confine(request, open_place / "worktree", lent))
        assert outcome.confined
        return outcome.stdout.read_text()

    return said


def test_its_worktree_its_scratch_and_its_home_can_be_written(says: Callable[..., str], open_place: Path) -> None:
    said = says('for d in . /tmp "$HOME" ../state/attempt/tmp /dev/shm; do echo x > $d/file && echo fine; done')
    assert said == "fine\n" * 5
    assert (open_place / "worktree/file").read_text() == "x\n"
    assert not Path("/tmp/file").exists()


@pytest.mark.parametrize("path", ["..", "/var/tmp", "../state", "../state/attempt", "/", "/run", "/etc"])
def test_nothing_else_can_be_written(says: Callable[..., str], path: str) -> None:
    assert "Read-only file system" in says(f"echo x > {path}/penstock-planted")


def test_no_setting_of_the_kernel_can_be_written_by_root_either(says: Callable[..., str]) -> None:
    kernel = "/proc/sys /proc/sysrq-trigger /proc/irq /proc/bus /proc/mtrr /sys"
    assert says(f"find {kernel} -type f -writable 2>/dev/null | head") == ""
    same = "v=$(cat /proc/sys/kernel/core_pattern); echo $v > /proc/sys/kernel/core_pattern"
    assert any(refusal in says(same) for refusal in ("Read-only file system", "Permission denied"))


def test_what_is_hidden_is_not_there_but_for_what_is_given_back(says: Callable[..., str], open_place: Path) -> None:
    (open_place / "state/objects").mkdir(parents=True)
    (open_place / "state/secret").write_text("secret\n")
    said = says(
        "ls ../state; cat ../state/secret; echo x > ../state/objects/x", readable=(open_place / "state/objects",)
    )
    assert said.splitlines()[:2] == ["attempt", "objects"]
    assert "cat: ../state/secret: No such file" in said
    assert "objects/x: Read-only file system" in said


def test_where_a_user_keeps_keys_is_hidden_and_the_rest_of_the_home_is_not(
    says: Callable[..., str], open_place: Path
) -> None:
    home = open_place / "user"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id").write_text("a key\n")
    (home / ".netrc").write_text("a key\n")
    (home / "notes").write_text("notes\n")
    said = says(f"cat {home}/notes {home}/.ssh/id {home}/.netrc; ls -A {home}/.ssh")
    assert said.startswith("notes\n")
    assert "a key" not in said


@pytest.mark.parametrize(
    "name",
    [".gitconfig", ".config/git/config", ".Xauthority", ".cache/huggingface/token", ".gemini/oauth_creds.json"],
)
def test_so_are_keys_that_lie_in_files_of_another_purpose(
    says: Callable[..., str], open_place: Path, name: str
) -> None:
    key = open_place / "user" / name
    key.parent.mkdir(parents=True)
    key.write_text("a key\n")
    assert "a key" not in says(f"cat {key}")


def test_what_the_users_checkout_is_set_by_is_hidden_at_any_depth(says: Callable[..., str], open_place: Path) -> None:
    checkout = open_place / "checkout"
    secret = (".env", "apps/web/.env.local", "deep/er/.envrc", ".git/config", "kept/.env.d/key")
    for name in (*secret, "apps/web/main.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(f"content of {name}\n")
    said = says("find ../checkout -type f | xargs cat; cat $(find ../checkout -name '.env*')", checkout=checkout)
    assert "content of apps/web/main.py" in said
    assert not [name for name in secret if f"content of {name}" in said]


def test_addresses_are_hidden_in_a_linked_worktree_a_submodule_and_a_repository_within(
    says: Callable[..., str], open_place: Path
) -> None:
    shared, checkout = open_place / "main/.git", open_place / "checkout"
    own = shared / "worktrees/checkout"
    written = {
        checkout / ".git": f"gitdir: {own}",
        own / "commondir": "../..",
        shared / "modules/libs/HEAD": "ref: refs/heads/main",
    }
    secret = (
        *(shared / "config", own / "config.worktree", shared / "modules/libs/config"),
        checkout / "vendor/other/.git/config",
    )
    for path, text in {**written, **dict.fromkeys(secret, "url = https://me:a-key@example.org/")}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    said = says(f"cat {shared}/modules/libs/HEAD {' '.join(map(str, secret))}", checkout=checkout)
    assert said.startswith("ref: refs/heads/main\n")
    assert "a-key" not in said


@pytest.mark.parametrize(
    ("variable", "place", "secret"),
    [
        ("XDG_CONFIG_HOME", "moved", "penstock/config.toml"),
        ("XDG_DATA_HOME", "moved", "keyrings/login.keyring"),
        ("GH_CONFIG_DIR", "moved", "hosts.yml"),
        ("CARGO_HOME", "moved", "credentials.toml"),
        ("KUBECONFIG", "moved/other:moved/one", ""),
    ],
)
def test_keys_are_hidden_where_the_users_environment_has_put_them(
    says: Callable[..., str], open_place: Path, variable: str, place: str, secret: str
) -> None:
    places = [str(open_place / one) for one in place.split(":")]
    key = Path(places[-1], secret)
    key.parent.mkdir(parents=True)
    key.write_text("a key\n")
    (open_place / "plain").write_text("no key\n")
    said = says(f"cat {key}; cat ../plain", environ={variable: ":".join(places)})
    assert "a key" not in said
    assert "no key" in said


def test_a_folder_of_keys_that_is_a_link_is_hidden_where_it_leads(says: Callable[..., str], open_place: Path) -> None:
    (open_place / "user").mkdir()
    (open_place / "keys").mkdir()
    (open_place / "keys/id").write_text("a key\n")
    (open_place / "user/.ssh").symlink_to(open_place / "keys")
    assert "a key" not in says(f"cat {open_place}/keys/id {open_place}/user/.ssh/id")


def test_a_history_that_the_user_keeps_nowhere_is_no_obstacle(says: Callable[..., str], open_place: Path) -> None:
    (open_place / "user").mkdir()
    (open_place / "user/.bash_history").symlink_to("/dev/null")
    assert says("echo x > /dev/null && echo fine") == "fine\n"


def test_settings_that_come_by_a_pipe_or_a_socket_are_hidden_like_a_file(
    says: Callable[..., str], open_place: Path
) -> None:
    checkout = open_place / "checkout"
    checkout.mkdir()
    os.mkfifo(checkout / ".env")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(checkout / ".env.sock"))
        assert says("test -p ../checkout/.env || test -S ../checkout/.env.sock || echo fine", checkout=checkout) == (
            "fine\n"
        )


def test_what_the_user_lends_of_his_home_is_in_the_agents_and_can_be_written(
    says: Callable[..., str], open_place: Path
) -> None:
    (open_place / "user/.claude").mkdir(parents=True)
    assert says('echo x > "$HOME/.claude/session" && echo fine', lent=(".claude", ".not-there")) == "fine\n"
    assert (open_place / "user/.claude/session").read_text() == "x\n"


def test_a_home_that_the_user_has_named_for_the_agent_is_kept(says: Callable[..., str], open_place: Path) -> None:
    assert says('echo "$HOME"', env={"HOME": "/elsewhere"}) == "/elsewhere\n"
    assert says('echo "$HOME"', env={"HOME": str(open_place / "user")}) == f"{open_place}/state/attempt/home\n"


def test_a_tool_that_would_look_below_home_is_told_where_it_is(says: Callable[..., str], open_place: Path) -> None:
    (open_place / "user/.rustup").mkdir(parents=True)
    assert says('echo "$RUSTUP_HOME ${PYENV_ROOT:-none}"') == f"{open_place}/user/.rustup none\n"


def test_no_socket_of_the_system_can_be_reached(says: Callable[..., str]) -> None:
    assert says("find /run -type s") == ""


@pytest.fixture
def segment() -> Iterator[tuple[int, int]]:
    """The number and the address of memory that a process of the user's shares with others of his."""
    system = ctypes.CDLL(None, use_errno=True)
    system.shmat.restype = ctypes.c_void_p
    number = system.shmget(0, 4096, 0o1600)  # IPC_PRIVATE, IPC_CREAT
    assert number >= 0
    address = system.shmat(number, None, 0)
    system.shmctl(number, 0, None)  # IPC_RMID: it goes with the last who has it
    yield number, address
    system.shmdt(ctypes.c_void_p(address))


def test_no_memory_that_the_users_processes_share_can_be_read_or_written(
    says: Callable[..., str], segment: tuple[int, int]
) -> None:
    number, address = segment
    code = "import ctypes; c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_void_p; "
    code += f"a = c.shmat({number}, None, 0); print(a == ctypes.c_void_p(-1).value or ctypes.memset(a, 1, 8))"
    assert says(f"{sys.executable} -I -S -c '{code}'") == "True\n"
    assert ctypes.string_at(address, 8) == bytes(8)


@pytest.mark.parametrize(
    ("variable", "form"),
    [
        ("SSH_AUTH_SOCK", "{}"),
        ("DOCKER_HOST", "unix://{}"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path={},guid=0a1b"),
        ("TMUX", "{},1234,0"),
        ("XDG_RUNTIME_DIR", "{folder}"),
    ],
)
def test_no_service_of_the_user_can_be_reached_that_his_environment_names(
    says: Callable[..., str], open_place: Path, variable: str, form: str
) -> None:
    folder = open_place / "services"
    folder.mkdir()
    place, told = f"{folder}/agent.sock", form.format(f"{folder}/agent.sock", folder=folder)
    code = f"import socket; socket.socket(socket.AF_UNIX).connect('{place}')"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        said = says(f'{sys.executable} -I -S -c "{code}"', environ={variable: told})
    assert re.search("Permission denied|Connection refused|No such file", said)


@pytest.mark.parametrize("value", ["/", "unix:///", "tcp://127.0.0.1:2375", ":0"])
def test_a_variable_that_names_no_socket_hides_nothing(says: Callable[..., str], open_place: Path, value: str) -> None:
    environ = {"DOCKER_HOST": value, "SSH_AUTH_SOCK": str(open_place), "XDG_RUNTIME_DIR": "/tmp"}
    assert says("echo fine; echo x > /tmp/x", environ=environ) == "fine\n"


def test_a_git_folder_that_belongs_to_the_worktree_can_be_written(says: Callable[..., str], open_place: Path) -> None:
    (open_place / "state/own.git").mkdir(parents=True)
    said = says("echo x > ../state/own.git/HEAD && echo fine", git_folder=lambda _: open_place / "state/own.git")
    assert said == "fine\n"


def test_a_program_that_lies_below_the_scratch_folder_is_found_all_the_same(
    says: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mine").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "bin/mine").chmod(0o755)
    assert says("mine", env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}) == "mine\n"


def test_a_path_that_holds_the_hidden_brings_nothing_of_it_back(says: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/secret").write_text("secret\n")
    said = says(
        f"cat {tmp_path}/inner/secret", env={"PATH": f"{tmp_path}:/tmp:/usr/bin:/bin"}, hidden=(tmp_path / "inner",)
    )
    assert "secret\n" not in said


def test_a_worktree_that_is_a_link_is_refused(trial: Trial, tmp_path: Path) -> None:
    request = asked(tmp_path, "true")
    (tmp_path / "worktree").rmdir()
    (tmp_path / "worktree").symlink_to(tmp_path / "state")
    with pytest.raises(WorktreeReplaced, match="is a link to"):
        Confiner(trial=trial).confine(request, tmp_path / "worktree")


def test_without_network_is_one_word_more() -> None:
    words = confinement_of(network=False).arguments("bwrap", Path("/"))
    assert set(words) - set(confinement_of().arguments("bwrap", Path("/"))) == {"--unshare-net"}


NOWHERE = Trial({"PATH": "/nonexistent"})


def test_auto_leaves_all_as_it_is_where_nothing_confines_and_says_why(tmp_path: Path) -> None:
    confiner, request = Confiner(trial=NOWHERE), asked(tmp_path, "true")
    assert confiner.insist("auto") == "bubblewrap (bwrap) was not found on PATH"
    assert confiner.confine(request, tmp_path / "worktree") == request
    assert not confiner.is_on


def test_required_is_refused_where_nothing_confines(tmp_path: Path) -> None:
    confiner = Confiner(trial=NOWHERE, mode="required")
    with pytest.raises(NotConfinable, match="bubblewrap") as raised:
        confiner.confine(asked(tmp_path, "true"), tmp_path / "worktree")
    assert "doctor" in (raised.value.hint or "")


def test_off_confines_nothing_and_is_no_complaint(trial: Trial, tmp_path: Path) -> None:
    confiner, request = Confiner(trial=trial, mode="off"), asked(tmp_path, "true")
    assert confiner.insist("off") == ""
    assert confiner.confine(request, tmp_path / "worktree") is request


@pytest.mark.parametrize(
    ("first", "then", "mode"),
    [
        ("off", "auto", "auto"),
        ("required", "off", "required"),
        ("auto", "required", "required"),
        ("auto", "off", "auto"),
    ],
)
def test_it_only_ever_gets_stricter(trial: Trial, first: Any, then: str, mode: str) -> None:
    confiner = Confiner(trial=trial, mode=first)
    confiner.insist(then)
    assert confiner.mode == mode


def test_a_program_that_only_pretends_to_confine_is_found_out(tmp_path: Path) -> None:
    pretender = tmp_path / "bwrap"
    pretender.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    pretender.chmod(0o755)
    assert "exit code 9" in Trial({"PATH": str(tmp_path)}).fault


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: no permissions' >&2\nexit 1\n")
    broken.chmod(0o755)
    assert Trial({"PATH": str(tmp_path)}).fault.endswith("ended with exit code 1: bwrap: no permissions")


def test_a_trial_for_which_the_machine_has_no_room_is_no_answer_and_is_made_again(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bwrap"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setattr(trials, "TIME_LIMIT", 0.2)
    asked = Trial({"PATH": str(tmp_path)})
    with pytest.raises(NotTried, match="longer than"):
        Confiner(trial=asked).insist("auto")
    monkeypatch.undo()
    slow.write_text(f'#!/bin/sh\nexec {trial.program} "$@"\n')
    assert Confiner(trial=asked).insist("auto") == ""


@pytest.mark.parametrize(("number", "is_answer"), [(errno.EAGAIN, False), (errno.ENOSPC, False), (errno.EPERM, True)])
def test_only_a_refusal_that_may_pass_is_no_answer(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, number: int, is_answer: bool
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(trials.subprocess, "run", refused)
    asked = Trial({"PATH": str(Path(trial.program).parent)})
    if is_answer:
        assert os.strerror(number) in asked.fault
        return
    with pytest.raises(NotTried, match=os.strerror(number)):
        asked.fault  # noqa: B018 - asking is what is tried
