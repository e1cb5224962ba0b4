"""A stand-in for the API of a Kubernetes cluster: a job becomes a process in an empty folder, with the pod's variables only."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Cluster:
    """What was asked of the cluster.

    Attributes:
        folder: where pods have their folders.
        path: programs that the image has.
        secrets: name -> key -> value in base64, as they came; none after a run has ended.
        jobs: name -> the job's description.
        pods: name -> the process.
    """

    folder: Path
    path: str
    url: str = ""
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, job: dict[str, Any]) -> None:
        """Start the process of a job."""
        name = job["metadata"]["name"]
        container = job["spec"]["template"]["spec"]["containers"][0]
        place = self.folder / name
        (place / "workdir").mkdir(parents=True)
        variables = {"PATH": self.path, "HOME": str(place), "OMP_NUM_THREADS": "1"}
        variables["NUMBA_CACHE_DIR"] = os.environ["NUMBA_CACHE_DIR"]  # as on a volume of the cluster
        for each in container.get("env") or ():
            secret = each["valueFrom"]["secretKeyRef"]
            variables[each["name"]] = base64.b64decode(self.secrets[secret["name"]][secret["key"]]).decode()
        self.jobs[name] = job
        with open(place / "log.txt", "w") as log:
            self.pods[name] = subprocess.Popen(
                [*container["command"], *container["args"]], cwd=place / "workdir", env=variables, stdout=log, stderr=log
            )

    def log(self, name: str) -> str:
        return (self.folder / name / "log.txt").read_text()

    def status(self, name: str) -> dict[str, Any]:
        """How many pods of a job run, succeeded or failed."""
        done = self.pods[name].poll()
        return {"metadata": {"name": name}, "status": {"active" if done is None else "failed" if done else "succeeded": 1}}


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, content: Any, status: int = 200) -> None:
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _parts(self) -> tuple[str, str]:
            """Kind and name of what a path such as /apis/batch/v1/namespaces/default/jobs/NAME/status asks for."""
            parts = self.path.partition("/namespaces/")[2].partition("?")[0].split("/")[1:]
            return parts[0], parts[1] if len(parts) > 1 else ""

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self._parts()[0] == "secrets":
                cluster.secrets[content["metadata"]["name"]] = content["data"]
            else:
                cluster.start(content)
            self._answer(content, 201)

        def do_GET(self) -> None:
            kind, name = self._parts()
            if kind == "jobs":
                self._answer(cluster.status(name))
            elif name:
                self._answer(cluster.log(name))
            else:
                self._answer({"items": []})

        def do_DELETE(self) -> None:
            kind, name = self._parts()
            if kind == "secrets":
                del cluster.secrets[name]
            elif name in cluster.pods and cluster.pods[name].poll() is None:
                cluster.pods[name].kill()
            self._answer({"kind": "Status", "status": "Success"})

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def kubernetes(folder: Path) -> Iterator[Cluster]:
    """A cluster on loopback, and ``folder``/kube.yaml, its file for clients."""
    cluster = Cluster(folder / "pods", os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    (folder / "kube.yaml").write_text(
        f"""apiVersion: v1
kind: Config
clusters: [{{name: here, cluster: {{server: "{cluster.url}"}}}}]
users: [{{name: me, user: {{}}}}]
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
current-context: here
"""
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        for pod in cluster.pods.values():
            if pod.poll() is None:
                pod.kill()
            pod.wait()
