"""What a confined process may see and write, as a value, and the bubblewrap command that makes it so. Starts nothing.

All is visible and read-only but for what is named: so a write that leads out fails where it is tried, not afterwards.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SCRATCH = Path("/tmp")  # noqa: S108 - a confined process gets one of its own under this name
DEVICES = Path("/dev")
"""This too: whoever wants no history of a shell makes it a link to `/dev/null`, which must stay what it is."""
# Sockets can be written through a read-only mount, and behind those of the system's services are ways out.
SOCKETS = Path("/run")
STILL_NEEDED = (Path("/run/systemd/resolve"), Path("/run/resolvconf"), Path("/run/current-system"))
# Root stays the owner of these, namespace or not, and through some of them the kernel runs programs outside. Others
# (sysrq-trigger, irq, bus) bubblewrap covers by itself; whether it does is part of the trial.
KERNEL = tuple(Path("/proc", name) for name in ("sys", "fs", "acpi", "scsi", "mtrr"))

_SECRETS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".oci", ".config/gcloud", ".config/doctl"),
    *(".netrc", "_netrc", ".git-credentials", ".gitconfig", ".config/git", ".config/gh", ".config/hub"),
    *(".config/glab-cli", ".hgrc", ".subversion/auth"),
    *(".npmrc", ".yarnrc.yml", ".pypirc", ".config/pip", ".pip", ".cargo/credentials", ".cargo/credentials.toml"),
    *(".gem/credentials", ".m2/settings.xml", ".gradle/gradle.properties", ".composer/auth.json", ".terraform.d"),
    *(".pgpass", ".my.cnf", ".password-store", ".local/share/keyrings", ".config/op", ".vault-token", ".config/sops"),
    *(".config/penstock", ".config/openai", ".config/anthropic", ".claude.json", ".claude", ".codex", ".config/codex"),
    *(".config/opencode", ".local/share/opencode", ".aider.conf.yml", ".config/aider", ".env", ".config/huggingface"),
    *(".aider", ".gemini", ".config/github-copilot", ".copilot", ".cursor", ".continue", ".config/goose", ".qwen"),
    *(".config/io.datasette.llm", ".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".huggingface"),
    *(
        ".config/pypoetry/auth.toml",
        ".config/uv",
        ".local/share/uv/credentials",
        ".yarnrc",
        ".nuget/NuGet/NuGet.Config",
    ),
    *(".config/composer/auth.json", ".ivy2/.credentials", ".sbt/credentials"),
    *(".config/hcloud", ".config/ngrok", ".fly", ".pulumi/credentials.json", ".databrickscfg", ".snowflake", ".kaggle"),
    *(".dbt/profiles.yml", ".config/netlify", ".local/share/com.vercel.cli", ".config/stripe", ".config/.wrangler"),
    *(".cloudflared", ".config/age", ".config/1Password"),
    # with it whoever reaches the display types into any window
    *(".Xauthority", ".ICEauthority"),
    *(".mozilla", ".thunderbird", ".config/google-chrome", ".config/chromium", ".config/BraveSoftware"),
    # where people export keys, for any shell
    *(".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshenv", ".zprofile", ".zshrc", ".config/fish"),
    *(".config/environment.d", ".pam_environment", ".config/containers", ".config/rclone", ".terraformrc"),
    *(".s3cfg", ".boto", ".bundle/config", ".bash_aliases", ".zlogin", ".xprofile", ".xsessionrc", ".config/nushell"),
    # what answers there signs with keys, or starts machines that see all
    *(".1password", ".bitwarden-ssh-agent.sock", ".colima", ".lima", ".rd"),
    *(".bash_history", ".zsh_history", ".python_history", ".psql_history", ".local/share/fish/fish_history"),
    *(".mysql_history", ".sqlite_history", ".node_repl_history", ".rediscli_history", ".viminfo", ".local/share/atuin"),
)

_MOVED = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "AWS_CONFIG_FILE": ".aws",
    "AWS_SHARED_CREDENTIALS_FILE": ".aws",
    "AZURE_CONFIG_DIR": ".azure",
    "CARGO_HOME": ".cargo",
    "CLAUDE_CONFIG_DIR": ".claude",
    "CLOUDSDK_CONFIG": ".config/gcloud",
    "CODEX_HOME": ".codex",
    "DOCKER_CONFIG": ".docker",
    "GH_CONFIG_DIR": ".config/gh",
    "GNUPGHOME": ".gnupg",
    "GIT_CONFIG_GLOBAL": ".gitconfig",
    "GOOGLE_APPLICATION_CREDENTIALS": ".config/gcloud",
    "HF_HOME": ".cache/huggingface",
    "KUBECONFIG": ".kube",
    "NETRC": ".netrc",
    "NPM_CONFIG_USERCONFIG": ".npmrc",
    "PASSWORD_STORE_DIR": ".password-store",
    "PGPASSFILE": ".pgpass",
    "XAUTHORITY": ".Xauthority",
    "XDG_CACHE_HOME": ".cache",
}
"""Where else a user may have put some of them, and with them what lies below."""
_ANSWERING = (
    *("SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "CONTAINER_HOST"),
    *("WAYLAND_DISPLAY", "PULSE_SERVER", "TMUX", "VSCODE_IPC_HOOK_CLI", "KITTY_LISTEN_ON", "NVIM"),
)
"""Variables that name the socket of a service which does for its user what no confined process may do."""
_ENGINES = (
    *("/var/snap/lxd/common/lxd/unix.socket", "/var/snap/lxd/common/lxd-user/unix.socket"),
    *("/var/lib/lxd/unix.socket", "/var/lib/incus/unix.socket", "/var/lib/incus/unix.socket.user"),
)
"""Container engines' sockets that lie elsewhere than in `/run`."""
_PATH = re.compile(r"/[^:;,=]+")

# Installed tools that look for themselves below HOME, which is another one for a confined process.
TOOLCHAINS = {
    "RUSTUP_HOME": ".rustup",
    "PYENV_ROOT": ".pyenv",
    "PYTHONUSERBASE": ".local",
    "UV_PYTHON_INSTALL_DIR": ".local/share/uv/python",
    "RBENV_ROOT": ".rbenv",
    "NVM_DIR": ".nvm",
    "VOLTA_HOME": ".volta",
    "ASDF_DATA_DIR": ".asdf",
    "SDKMAN_DIR": ".sdkman",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What is the same for all who see the same, as the words that stand before and after the places of one of them."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def arguments(
        self,
        program: str,
        folder: Path,
        *,
        readable: Iterable[str] = (),
        writable: Iterable[str] = (),
        lent: Iterable[tuple[str, str]] = (),
    ) -> list[str]:
        """The words before a command that confine it and start it in a folder; its places are named by no link.

        `lent` is writable under another name: what it is, and where it is put.
        """
        return [
            program,
            *self.before,
            *_pairs("--ro-bind", ((path, path) for path in readable)),
            *_pairs("--bind", ((path, path) for path in writable)),
            *_pairs("--bind", lent),
            *self.after,
            *("--chdir", str(folder), "--"),
        ]


def confinement_of(*, hidden: Iterable[Path] = (), readable: Iterable[Path] = (), network: bool = True) -> Confinement:
    """All is read-only; `hidden` is emptied, then `readable` is put in again."""
    places = {_real(path) for path in (SOCKETS, *_there(hidden))}
    emptied, files = _outermost({path for path in places if not path.is_relative_to(DEVICES)})
    return Confinement(
        before=(
            *("--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL"),
            *(() if network else ("--unshare-net",)),
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", str(SCRATCH)),
            *_pairs("--ro-bind", ((path, path) for path in _there(KERNEL))),
            *_each("--tmpfs", emptied),
            *_pairs("--ro-bind", ((Path("/dev/null"), path) for path in files)),
            *_pairs("--ro-bind", ((path, path) for path in _there([*STILL_NEEDED, *map(_real, readable)]))),
        ),
        # Last, since the places to mount on are made in them: a write beside these must fail, not be forgotten.
        after=tuple(_each("--remount-ro", emptied)),
    )


def secrets_of(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Where a user would keep keys and private things: in the home folder, or where variables say that they are."""
    moved = (
        Path(place, Path(name).relative_to(usual))
        for variable, usual in _MOVED.items()
        for place in environ.get(variable, "").split(os.pathsep)
        for name in _SECRETS
        if os.path.isabs(place) and Path(name).is_relative_to(usual)  # noqa: PTH117
    )
    return [*(home / name for name in _SECRETS), *moved]


def ways_out_of(environ: Mapping[str, str]) -> list[Path]:
    """The sockets of the user's services, as variables name them, and of container engines."""
    named = (Path(path) for variable in _ANSWERING for path in _PATH.findall(environ.get(variable, "")))
    sockets = (path for path in named if not os.path.isdir(path))  # noqa: PTH112 - never raises
    folder = Path(environ.get("XDG_RUNTIME_DIR") or "/")
    is_own = folder.is_absolute() and folder not in (folder.parent, SCRATCH)
    return [*sockets, *([folder] if is_own else ()), *map(Path, _ENGINES)]


def toolchains_of(home: Path) -> dict[str, str]:
    """What tells installed tools where they are, when HOME does not."""
    return {name: str(home / folder) for name, folder in TOOLCHAINS.items() if (home / folder).is_dir()}


def is_out_of_sight(path: Path, hidden: Sequence[Path]) -> bool:
    """True for a path that is hidden only by where it lies, and that brings nothing hidden with it."""
    own, places = _real(path), [_real(place) for place in hidden]
    is_below = any(own != place and own.is_relative_to(place) for place in (SCRATCH, SOCKETS))
    return is_below and not any(place.is_relative_to(own) or own.is_relative_to(place) for place in places)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _there(paths: Iterable[Path]) -> list[Path]:
    # Unlike Path.exists, it takes what can't be looked at for not there.
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110


def _outermost(paths: set[Path]) -> tuple[list[Path], list[Path]]:
    """The folders and all else (files, pipes, sockets) that lie below no other."""
    found = sorted(path for path in _there(paths) if paths.isdisjoint(path.parents))
    folders = [path for path in found if os.path.isdir(path)]  # noqa: PTH112 - never raises
    return folders, [path for path in found if path not in folders]


def _each(word: str, paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield from (word, str(path))


def _pairs(word: str, pairs: Iterable[tuple[Path | str, Path | str]]) -> Iterator[str]:
    for source, target in pairs:
        yield from (word, str(source), str(target))
