"""Agents that loop, hang, lie, steal, spread or leave something behind, in whole runs: what each of them comes to."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest
from unruly_support import Made, workstream
from whole_runs import git

from model_server import Fault, FaultKind

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trial")]
LIMIT_TEXT = "Claude AI usage limit reached|1999999999. Error 429: rate_limit_error, retry-after: 86400"
SHAPED = f"sk-{'ant'}-api03-aB3dE5gH7jK9mN1pQ4sT6vW8yZ2cF0"  # made here, so that this file holds none


def test_one_that_loops_is_ended_by_the_cap_of_calls_and_then_by_the_breaker(unruly: Made) -> None:
    made = unruly(limits="max_calls = 3", attempts=2)
    came = made.run("while True: ask()", code=1)
    assert came.state == ("failed", "error")
    assert came.codes == ["too_many_calls"]
    assert "made 3 calls to its model" in came.run["workstreams"][0]["sentence"]
    assert came.run["workstreams"][0]["attempts"] == {"edit": 2}
    assert len(made.models.issued) == 2 * 3
    assert came.statuses.count("ok") == 2 * 3
    assert made.all_gone()


def test_one_whose_requests_are_no_calls_is_ended_by_the_cap_too(unruly: Made) -> None:
    made = unruly(limits="max_calls = 3")
    came = made.run("while True: ask(n='many')", code=1)
    assert came.codes == ["too_many_calls"]
    assert made.models.requests == ()


def test_one_that_hangs_in_mid_stream_is_ended_with_all_its_processes(unruly: Made) -> None:
    made, token = unruly(limits="agent_idle_timeout = 2.0"), secrets.token_hex(8)
    made.models.fault(Fault(kind=FaultKind.STALL))
    came = made.run(
        f"""
        sleeps = [sys.executable, "-c", "import time; time.sleep(300)", "{token}"]
        subprocess.Popen(sleeps)
        subprocess.Popen(sleeps, start_new_session=True)
        ask(stream=True)
        """,
        code=1,
    )
    assert came.codes == ["idle"]
    assert "for 2 seconds it neither printed anything nor heard from its model" in came.errors[0]["message"]
    assert made.all_gone(token)
    (row,) = came.rows
    assert (row["status"], row["estimated"]) == ("cut", True)
    assert row["input_tokens"] > 0
    assert came.spent["reserved_tokens"] == 0


@pytest.mark.parametrize("exit_code", [0, 1])
def test_one_that_speaks_of_a_usage_limit_is_not_believed(unruly: Made, exit_code: int) -> None:
    made, began = unruly(), time.monotonic()
    came = made.run(f"print({LIMIT_TEXT!r}); ask(); sys.exit({exit_code})", code=1)
    assert came.state == ("failed", "error")
    assert came.codes == ["non_zero_exit" if exit_code else "no_change"]
    assert came.told("step_rate_limited") == []
    assert time.monotonic() - began < 30


def test_one_that_edits_out_of_scope_is_refused_and_its_change_is_kept_as_a_patch(unruly: Made) -> None:
    came = unruly().run("ask(); work(); write('src/other.txt', 'stolen\\n')", code=1)
    assert came.state == ("failed", "policy_violation")
    (violation,) = came.told("scope_violation")
    assert [one["path"] for one in violation["violations"]] == ["src/other.txt"]
    patch = next(one["outcome"]["patch"] for one in came.told("step_finished") if one["outcome"].get("patch"))
    assert "+stolen" in Path(patch).read_text(encoding="utf-8")


def test_one_that_deletes_tests_in_its_scope_is_flagged(unruly: Made) -> None:
    tests = "def test_one():\n    assert 1\n\n\ndef test_two():\n    assert 2\n"
    made = unruly(workstream(files_scope=["src/ws-a.txt", "tests/"]), files={"tests/test_it.py": tests})
    came = made.run("work(); Path('tests/test_it.py').unlink()", code=0)
    (flagged,) = came.run["workstreams"][0]["weakened_tests"]
    assert "tests/test_it.py" in flagged
    assert "tests say less than before" in came.said


def test_one_that_deletes_tests_out_of_its_scope_is_refused(unruly: Made) -> None:
    made = unruly(files={"tests/test_it.py": "def test_one():\n    assert 1\n"})
    came = made.run("work(); Path('tests/test_it.py').unlink()", code=1)
    assert came.state == ("failed", "policy_violation")
    assert "tests/test_it.py" in git(made.project, "ls-tree", "-r", "--name-only", "main")


def test_one_that_commits_by_itself_changes_nothing_by_it(unruly: Made) -> None:
    made = unruly()
    came = made.run(
        """
        work()
        mine = {**os.environ, **{f"GIT_{who}_{what}": "agent@evil" for who in ("AUTHOR", "COMMITTER")
                                 for what in ("NAME", "EMAIL")}}
        for words in (["add", "-A"], ["commit", "-qm", "I did it"], ["log", "--format=%s", "-1"]):
            subprocess.run(["git", *words], env=mine, check=True)
        """,
        code=0,
    )
    assert made.attempt_file("stdout.log").read_text() == "I did it\n"
    log = git(made.project, "log", "--format=%an %s", f"main..{came.run['branch']}")
    assert "I did it" not in log
    assert "agent@evil" not in log
    assert git(made.project, "show", f"{came.run['branch']}:src/ws-a.txt") == "done"


def test_one_that_makes_branches_and_tags_is_refused_and_they_go_nowhere(unruly: Made) -> None:
    made = unruly()
    came = made.run(
        """
        work()
        for words in (["branch", "-f", "main"], ["tag", "v1"]):
            subprocess.run(["git", *words], check=True)
        """,
        code=1,
    )
    assert came.state == ("failed", "policy_violation")
    (violation,) = came.told("scope_violation")
    assert [one["path"] for one in violation["violations"]] == ["refs/heads/main", "refs/tags/v1"]
    assert git(made.project, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


@pytest.mark.parametrize("confine", ["required", "off"])
def test_a_daemon_that_one_leaves_behind_is_gone_with_it(unruly: Made, confine: str) -> None:
    made, token = unruly(), secrets.token_hex(8)
    made.confine = confine
    came = made.run(
        f"""
        work()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.chdir("/")
                for name in range(3):
                    os.dup2(os.open(os.devnull, os.O_RDWR), name)
                words = ["-I", "-c", "import signal, time; signal.signal(15, 1); time.sleep(300)", "{token}"]
                os.execve(sys.executable, [sys.executable, *words], {{}})
            os._exit(0)
        time.sleep(0.3)
        found = [one.read_bytes() for one in Path("/proc").glob("[0-9]*/cmdline")]
        print("daemon:", sum(b"{token}" in words for words in found))
        """,
        code=0,
    )
    assert "daemon: 1" in made.attempt_file("stdout.log").read_text()
    assert came.state == ("completed", None)
    assert made.all_gone(token)


def test_one_that_asks_for_another_model_or_with_another_key_gets_nothing(unruly: Made) -> None:
    made = unruly(workstream("ws-a"), workstream("ws-b", depends_on=["ws-a"]))
    came = made.run(
        """
        if NAME == "ws-a":
            write("src/ws-a.txt", KEY[::-1])  # so that it is not taken out of what is written
        stolen = Path("src/ws-a.txt").read_text()[::-1]
        for said in (ask(model="dearer"), ask(key="penstock-guessed"), ask(key=""), ask(key=stolen)):
            print(said[0])
        if NAME == "ws-b":
            work()
        """,
        code=0,
    )
    assert made.attempt_file("stdout.log").read_text().split() == ["404", "401", "401", "200"]
    assert made.attempt_file("stdout.log", ws="ws-b").read_text().split() == ["404", "401", "401", "401"]
    assert len(made.models.issued) == 1
    assert {row["model"] for row in came.rows} == {"scripted-model"}


def test_one_that_writes_a_secret_has_to_take_it_out_again(unruly: Made) -> None:
    made = unruly(attempts=2)
    (made.folder / "secret").write_text(SHAPED)
    came = made.run(
        f"""
        secret = Path("{made.folder}/secret").read_text()
        write("src/ws-a.txt", "done\\n" if "looks like a secret" in PROMPT else f"key = '{{secret}}'\\n")
        """,
        code=0,
    )
    assert came.codes == ["secret"]
    assert [one["status"] for one in came.attempts if one["step"] in ("edit", "fix")] == ["failed", "success"]
    assert SHAPED not in git(made.project, "log", "--all", "-p")
    assert SHAPED not in str(came.events)
