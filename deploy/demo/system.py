"""The whole system on this machine: files, then OPA, Redis and two backends, then the gateway; all real, all supervised."""

import getpass
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from deploy.demo import cast, credentials, handout, nomenclatures, pki, ports, settings_file
from deploy.demo.place import ROOT, Place
from deploy.demo.ports import HOST, Ports
from deploy.demo.processes import Process, StartFailed, Supervisor
from deploy.demo.readiness import await_ready, http_ready, redis_ready
from gateway_addons.adapters.policy.opa_config import opa_config
from gateway_addons.adapters.policy.policy_desk import PolicyDesk
from gateway_addons.adapters.policy.policy_keys import make_keys
from gateway_addons.settings.gateway import load

OPA = ROOT / ".tools" / "bin" / "opa"
REDIS = ROOT / ".tools" / "bin" / "redis-server"
CONTRACTS = ROOT / "config" / "contracts"
"""What a system starts from; it works with a copy of its own (`Place.config`)."""
IMPORT_LIMIT_S = 120
OPA_GOGC = "400"
"""OPA's heap is small and its garbage comes fast: collecting it less often saves a third of its time (docs/performance.md)."""

type Say = Callable[[str], None]
"""Tells the person in front what is being done."""


class System:
    """One system at one place."""

    def __init__(self, place: Place, say: Say, *, keep_decisions: bool = False) -> None:
        """`keep_decisions` is `opa.keep_decisions` of the gateway's settings."""
        self._place, self._keep_decisions = place, keep_decisions
        self._say = say
        self._supervisor = Supervisor(place.records, place.folder / "logs")

    def running(self) -> list[Process]:
        """The processes that are there, of this run or of one that was left behind."""
        return self._supervisor.running()

    def left_behind(self) -> list[Process]:
        """Processes of a starter that was killed before it could record them, or whose records were removed."""
        return self._supervisor.left_behind()

    def known(self) -> list[Process]:
        """All processes of the last run, running or not."""
        return self._supervisor.processes

    def stop(self) -> int:
        """Stop everything; also what a crash left. Returns how many processes had to be stopped."""
        stopped = self._supervisor.stop()
        self._place.forget_socket()
        return stopped

    def leave(self) -> None:
        """Let the system live on after this process."""
        self._supervisor.leave()

    def start(self, port_base: int | None) -> dict[str, Any]:
        """Make everything anew, start it, and return what `demo.json` says.

        Raises:
            StartFailed: a process does not start; whatever was started is stopped again.
            PortTaken, CastError: the system cannot be laid out.
            ContractFileError, ContractConflict, BundleError: contracts or policies cannot be used.
        """
        self.stop()
        self._place.renew()
        shutil.copytree(ROOT / "config", self._place.config, ignore=shutil.ignore_patterns("gateway.yaml"))
        chosen = ports.choose(port_base)
        everyone = cast.consumers(self._place.config / "contracts")
        self._say("making keys, certificates and revocation lists")
        files = {name: self._files(name, consumers) for name, consumers in everyone.items()}
        self._import_nomenclatures(everyone)
        try:
            return self._start(chosen, everyone, files)
        except BaseException:
            self.stop()
            raise

    def _files(self, name: str, consumers: dict[str, cast.Consumer]) -> settings_file.EnvironmentFiles:
        identities = {consumer.name: consumer.identity for consumer in consumers.values()}
        certificates = pki.make(self._place.pki(name), identities, cast.MODEL, datetime.now(UTC))
        keys = credentials.make(self._place.keys(name), {client.client_id: (client.auth, consumer.identity.subject)
                                                         for consumer in consumers.values() for client in consumer.clients})
        return settings_file.EnvironmentFiles(certificates, keys)

    def _import_nomenclatures(self, everyone: dict[str, dict[str, cast.Consumer]]) -> None:
        self._say("filling the backends with the organismes' nomenclatures")
        imports = []
        for environment, consumers in everyone.items():
            file = self._place.folder / "backend" / f"nomenclatures-{environment}.yaml"
            nomenclatures.write(file, {c.siret: c.exercices for c in consumers.values()})
            command = [sys.executable, "-m", "backend", "import-nomenclatures", "--database",
                       str(self._place.database(environment)), "--file", str(file)]
            imports.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                            env=self._supervisor.environment()))
        for process in imports:
            with process:
                try:
                    told, _ = process.communicate(timeout=IMPORT_LIMIT_S)
                except BaseException:
                    process.kill()
                    raise
            if process.returncode != 0:
                raise StartFailed(f"the backend's import of nomenclatures failed:\n{told[-2000:]}")

    def _start(self, chosen: Ports, everyone: dict[str, dict[str, cast.Consumer]],
               files: dict[str, settings_file.EnvironmentFiles]) -> dict[str, Any]:
        socket = self._place.socket()
        redis_conf, redis_url = settings_file.write_redis(self._place.folder / "redis", chosen.redis)
        settings_file.write_gateway(self._place, chosen, settings_file.Asking(socket, self._keep_decisions), redis_url, files)
        self._say("compiling and signing contracts and policies")
        revision = self._first_revision()
        self._say("starting OPA, Redis and two backends")
        waiting = [
            (self._gateway_command("bundles", "policy", "serve"), http_ready(f"http://{HOST}:{chosen.bundles}/health/live")),
            (self._opa(socket), http_ready("http://opa/health?bundles=true", socket)),
            (self._supervisor.start("redis", "redis", [str(REDIS), str(redis_conf)], redis_conf.parent), redis_ready(redis_url)),
            *((self._backend(name, chosen, own), http_ready(f"http://{HOST}:{chosen.backend(name)}/health/live"))
              for name, own in files.items()),
        ]
        for process, probe in waiting:
            await_ready(self._supervisor, process, probe)
        self._say("starting the gateway")
        gateway = self._gateway_command("gateway", "run")
        self._gateway_command("detection", "detection", "run")
        await_ready(self._supervisor, gateway, http_ready(f"http://{HOST}:{chosen.admin}/health/ready"))
        return handout.write(self._place, chosen, socket, redis_url, revision, files, everyone, self._supervisor.processes)

    def _first_revision(self) -> str:
        settings = load(self._place.gateway_settings)
        signing = settings.policy.signing
        make_keys(signing.signing_key_file or signing.verification_key_file, signing.verification_key_file,
                  settings.policy.bundles.token_file)
        config = opa_config(settings.policy, self._place.state / "opa")
        self._place.opa_settings.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return str(PolicyDesk(settings, self._say).first(getpass.getuser()))

    def _gateway_command(self, name: str, *command: str) -> Process:
        return self._supervisor.start(name, name, [sys.executable, "-m", "gateway_addons", *command, "--config",
                                                   str(self._place.gateway_settings)], ROOT)

    def _opa(self, socket: Path) -> Process:
        command = [str(OPA), "run", "--server", "--addr", f"unix://{socket}", "--unix-socket-perm", "660",
                   "--authorization=basic", "--skip-version-check", "--log-level", "error",
                   "--optimize-store-for-read-speed", "--config-file", str(self._place.opa_settings)]
        return self._supervisor.start("opa", "opa", command, self._place.folder, {"GOGC": OPA_GOGC})

    def _backend(self, name: str, chosen: Ports, files: settings_file.EnvironmentFiles) -> Process:
        command = [sys.executable, "-m", "backend", "serve", "--environment", name, "--host", HOST,
                   "--port", str(chosen.backend(name)), "--database", str(self._place.database(name)),
                   "--assertion-jwks", str(files.credentials.assertion_jwks),
                   "--assertion-issuer", settings_file.ASSERTION_ISSUER,
                   "--assertion-audience", settings_file.backend_audience(name)]
        return self._supervisor.start(f"backend-{name}", "backend", command, ROOT)
