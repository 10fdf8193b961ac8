"""Two accounts label over SSH at once, and lines are cut in the middle of decisions: nothing may be lost.

    sudo python -m tests.bench.ssh_desk [--rounds 20] [--python PATH]

Starts an OpenSSH server of its own on this machine's loopback, makes two accounts and a group for the trial, and takes
all of it away again. Each round both accounts come in by a ForceCommand that drops them into the kiosk, decide, and are
cut: the client or the server's session is killed, the terminal is closed, or they leave by `q`. The server accepts
every environment variable, and the clients send some that would stop the desk if they reached it. Then it looks: is
every decision that a screen had told of on disk, is no process left, is nothing reserved, does `verify` pass, was no
query given to both, and does the next sitting say how the last one ended?
"""

import argparse
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.workspace import Workspace
from labels.leases import Leases
from labels.store import LabelStore
from labels.verify import verify
from tests.bench.terminal import Terminal
from tests.bench.workspaces import make_workspace

GROUP, ACCOUNTS = "samesku-trial", ("samesku-trial-a", "samesku-trial-b")
_WAYS = ("client killed", "session killed", "terminal closed", "left")
_THIS_SESSION = re.compile(r"(\d+) this session")
_PATIENCE_S = 30.0
#: What the clients send and the server accepts; none of it may reach the desk.
_SENT = {"PYTHONINSPECT": "1", "PYTHONWARNINGS": "error", "TEXTUAL_DRIVER": "no.such:Driver", "SAMESKU_NO_SUCH": "1"}


@dataclass
class Host:
    """The server, and how to come in."""

    folder: Path
    port: int
    workspace: Workspace

    def ssh(self, account: str) -> list[str]:
        """The client, as an account."""
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
        options = (*options, f"SendEnv={' '.join(_SENT)}")
        flags = [flag for option in options for flag in ("-o", option)]
        key = str(self.folder / account / "key")
        return ["ssh", "-tt", "-p", str(self.port), "-i", key, *flags, f"{account}@127.0.0.1"]


@dataclass
class Sitting:
    """One connection, and how many decisions its screen has told of."""

    account: str
    terminal: Terminal
    told: int = 0

    def look(self) -> int:
        """What the screen tells now."""
        found = _THIS_SESSION.search(self.terminal.lines[0])
        self.told = max(self.told, int(found[1]) if found else 0)
        return self.told

    def open(self) -> str:
        """Wait for a query. Returns all that the screen showed by then."""
        if not self.terminal.wait_for(lambda t: any("1/10 ─" in line for line in t.lines), _PATIENCE_S):
            sys.exit("The desk did not open:\n" + "\n".join(self.terminal.lines))
        self.terminal.wait_for(lambda _: False, 0.5)
        return " ".join(" ".join(self.terminal.lines).replace("▌", " ").split())

    def decide(self) -> None:
        """None of these, and wait until the screen tells that it counts."""
        before = self.look()
        self.terminal.send("n")
        if not self.terminal.wait_for(lambda _: self.look() > before, _PATIENCE_S):
            sys.exit("A decision was not told of:\n" + "\n".join(self.terminal.lines))


@dataclass
class Trial:
    """What was told of and how it ended, by account."""

    host: Host
    rng: random.Random
    told: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    last: dict[str, str] = field(default_factory=dict)

    def round(self) -> None:
        """Both come in, decide at once, and are cut one after the other."""
        sittings = []
        for account in ACCOUNTS:
            # Wide enough for the number of decisions of this session beside a long name.
            terminal = Terminal(self.host.ssh(account), columns=120, environment=_SENT)
            sitting = Sitting(account, terminal.start())
            self._greeted(account, sitting.open())
            sittings.append(sitting)
        for _ in range(self.rng.randint(2, 6)):
            for sitting in sittings:
                sitting.decide()
        for sitting in sittings:
            self._cut(sitting)
        for account in ACCOUNTS:
            _until(lambda account=account: not _desks_of(account), f"a desk of {account} is left")
        self._look()

    def _greeted(self, account: str, shown: str) -> None:
        """Whether the desk says how the last sitting ended, where it was not left."""
        if self.last.get(account, "left") != "left" and "last session" not in shown:
            sys.exit(f"After «{self.last[account]}» nobody was told of it:\n{shown}")

    def _cut(self, sitting: Sitting) -> None:
        way = self.rng.choice(_WAYS)
        self.ways[way] += 1
        self.last[sitting.account] = way
        sitting.terminal.send("q" if way == "left" else "n")
        time.sleep(self.rng.uniform(0, 0.02))
        if way == "client killed":
            sitting.terminal.kill()
        elif way == "session killed":
            subprocess.run(["pkill", "-KILL", "-f", f"sshd: {sitting.account}@"], check=False)
        while way != "terminal closed" and sitting.terminal.pump(0.3):
            sitting.look()
        sitting.terminal.close()
        self.told[sitting.account] += sitting.told

    def _look(self) -> None:
        labels = self.host.workspace.labels
        if problems := verify(labels).problems:
            sys.exit(f"verify: {problems}")
        with LabelStore(labels) as store:
            rows = store.connection.execute(
                "SELECT annotator, query_id, count(*) FROM actions WHERE closes AND undone_at IS NULL GROUP BY 1, 2"
            ).fetchall()
        decided = Counter(annotator for annotator, _, _ in rows)
        for account in ACCOUNTS:
            if decided[account] < self.told[account]:
                sys.exit(f"{account} was told of {self.told[account]} decisions, {decided[account]} are on disk.")
        twice = [query for query, times in Counter(query for _, query, _ in rows).items() if times > 1]
        if twice:
            sys.exit(f"Given to both: {twice}")
        claims = Leases(labels)
        if left := claims.held_by_others("nobody"):
            sys.exit(f"Still reserved: {left}")
        claims.close()


def _desks_of(account: str) -> bool:
    return subprocess.run(["pgrep", "-u", account], check=False, capture_output=True).returncode == 0


def _until(condition: Callable[[], bool], trouble: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"After {_PATIENCE_S:.0f} s {trouble}.")
        time.sleep(0.05)


@contextmanager
def _host(python: str, queries: int) -> Iterator[Host]:
    folder = Path(tempfile.mkdtemp(prefix="samesku-ssh-"))
    folder.chmod(0o755)
    _run("groupadd", "-f", GROUP)
    server = None
    try:
        workspace = make_workspace(folder / "home", queries)
        workspace.settings.write_text("[desk]\npractice = false\n")
        for account in ACCOUNTS:
            _account(folder, account)
        _run("chgrp", "-R", GROUP, str(workspace.home))
        _run("chmod", "-R", "g+rwX", str(workspace.home))
        _run("chmod", "g+s", str(workspace.home))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key"))
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {folder}/%u/authorized_keys\nPasswordAuthentication no\nAcceptEnv *\n"
            f"Match Group {GROUP}\n    ForceCommand {python} -I -m tui --home {workspace.home} review --kiosk\n"
            "    PermitTTY yes\n    DisableForwarding yes\n    PermitUserRC no\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "sshd"
        server = subprocess.Popen([sshd, "-f", str(folder / "sshd_config"), "-D", "-E", str(folder / "sshd.log")])
        _until(lambda: _answers(port), "the server does not answer")
        yield Host(folder, port, workspace)
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.wait()
        for account in ACCOUNTS:
            subprocess.run(["pkill", "-KILL", "-u", account], check=False)
            subprocess.run(["userdel", account], check=False, capture_output=True)
        subprocess.run(["groupdel", GROUP], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _account(folder: Path, account: str) -> None:
    home = folder / account
    home.mkdir()
    _run("useradd", "-M", "-N", "-g", GROUP, "-d", str(home), "-s", "/bin/sh", account)
    # An account without a password is locked, and a locked one may not come in by a key either.
    _run("usermod", "-p", "*", account)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "key"))
    shutil.copy(home / "key.pub", home / "authorized_keys")
    _run("chown", "-R", f"{account}:{GROUP}", str(home))
    os.chown(home / "key", 0, 0)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Set up, cut, look, tell, and tidy up."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ssh_desk", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="the interpreter, as accounts run it")
    options = parser.parse_args()
    missing = [name for name in ("ssh", "ssh-keygen", "useradd", "pkill") if shutil.which(name) is None]
    if not shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin"):
        missing.append("sshd")
    if missing or os.geteuid() != 0:
        sys.exit(f"This needs root, and {', '.join(missing) or 'nothing else'}: it makes accounts and starts a server.")
    begun = time.monotonic()
    with _host(options.python, options.rounds * 20) as host:
        trial = Trial(host, random.Random(options.seed))
        for number in range(1, options.rounds + 1):
            trial.round()
            sys.stderr.write(f"round {number} of {options.rounds}\n")
    ways = ", ".join(f"{way} {count}" for way, count in sorted(trial.ways.items()))
    sys.stdout.write(
        f"{options.rounds} rounds in {time.monotonic() - begun:.0f} s, two accounts at once: {ways}\n"
        f"{trial.told.total():,} decisions that a screen had told of, all on disk; no query given to both; nothing left"
        " running or reserved; each next sitting told of the end of the last; verify clean\n"
    )


if __name__ == "__main__":
    main()
