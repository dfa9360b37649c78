"""A search on several hosts: its files, its port, and how it ends.

Hosts are network namespaces, which vanish with the processes in them.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from unittest import mock

import keras_tuner as kt
import kubernetes_validate
import pytest
import yaml
from helpers import ROOT, needs_posix

needs_posix()
PAGE = (ROOT / "tutorials/how_to/several_machines.py").read_text(
    "utf-8"
)
KUBERNETES = ROOT / "snippets/searches/search_kubernetes.yaml"
COMPOSE = ROOT / "snippets/searches/search_compose.yaml"
SLURM = ROOT / "snippets/searches/search.sbatch"

# The hosts of the page, which it makes in a shell.
(LAN,) = re.findall(r'(?s)LAN = """\n(.+?)"""', PAGE)
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
UNSHARE += ["--pid", "--fork", "--kill-child"]
# A number as a trial: what is tested is what passes between hosts.
SEARCH = """
import os, signal, time
from pathlib import Path
import keras_tuner as kt

task = os.environ["KERASTUNER_TUNER_ID"]

class Numbers(kt.RandomSearch):
    def run_trial(self, trial, **_):
        print(task, "trains", trial.trial_id, flush=True)
        if task == "worker-1" and not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        while not Path("died").exists():
            time.sleep(0.1)  # or the other might train all of them
        return {"score": trial.hyperparameters.Float("x", 0.0, 1.0)}

space = kt.HyperParameters()
space.Float("x", 0.0, 1.0)
tuner = Numbers(
    objective=kt.Objective("score", "max"),
    hyperparameters=space,
    max_trials=4,
    seed=1,
    directory="searches",
    project_name="several_machines_test",
)
tuner.search(verbose=0)
if task == "chief":
    trials = tuner.oracle.trials.values()
    print("chief has", *[trial.status for trial in trials], flush=True)
"""


def reason(*programs):
    """Return why hosts can't be played here, or an empty string."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        return f"{', '.join(missing)} not installed"
    tried = subprocess.run(
        [*UNSHARE, "sh", "-c", LAN], capture_output=True, text=True
    )
    return tried.stderr if tried.returncode else ""


def play(script, folder, *unshare, **environment):
    """Run a shell script among three hosts; return what it printed."""
    (folder / "search.py").write_text(SEARCH, "utf-8")
    done = subprocess.run(
        [*(unshare or UNSHARE), "sh", "-c", LAN + script],
        cwd=folder,
        env=os.environ
        | {"PYTHON": sys.executable, "TF_CPP_MIN_LOG_LEVEL": "3"}
        | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_kubernetes_file_keeps_the_schemas_of_kubernetes():
    for document in yaml.safe_load_all(KUBERNETES.read_text("utf-8")):
        kubernetes_validate.validate(
            document, kubernetes_validate.latest_version(), strict=True
        )


@pytest.mark.process
def test_the_compose_file_keeps_the_schema_of_compose():
    check = [sys.executable, "-m", "check_jsonschema"]
    check += ["--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_kubernetes_tasks_have_their_ids_one_address_and_one_folder():
    documents = {
        (each["kind"], each["metadata"]["name"]): each
        for each in yaml.safe_load_all(KUBERNETES.read_text("utf-8"))
    }
    variables, folders = {}, set()
    for role in ("chief", "worker"):
        pod = documents["Job", f"search-{role}"]["spec"]["template"]
        (task,) = pod["spec"]["containers"]
        variables[role] = {
            each["name"]: each.get("value") or each["valueFrom"]
            for each in task["env"]
        }
        (mount,) = task["volumeMounts"]
        assert mount["mountPath"] == task["workingDir"]
        (volume,) = pod["spec"]["volumes"]
        claim = volume["persistentVolumeClaim"]["claimName"]
        folders.add((claim, task["workingDir"]))
        assert pod["spec"]["restartPolicy"] == "OnFailure"
    assert len(folders) == 1
    modes = documents["PersistentVolumeClaim", claim]["spec"]
    assert modes["accessModes"] == ["ReadWriteMany"]

    chief, worker = variables["chief"], variables["worker"]
    assert "chief" in chief["KERASTUNER_TUNER_ID"]
    assert worker["KERASTUNER_TUNER_ID"] == "worker-$(INDEX)"
    # A value refers only to variables before it.
    assert [*worker].index("INDEX") == 0
    workers = documents["Job", "search-worker"]["spec"]
    assert workers["completionMode"] == "Indexed"
    assert workers["completions"] == workers["parallelism"]
    own = {"fieldRef": {"fieldPath": "status.podIP"}}
    assert chief["KERASTUNER_ORACLE_IP"] == own
    name = worker["KERASTUNER_ORACLE_IP"]
    service = documents["Service", name]["spec"]
    labels = documents["Job", "search-chief"]["spec"]["template"]
    labels = labels["metadata"]["labels"]
    assert service["selector"] == labels
    port = int(chief["KERASTUNER_ORACLE_PORT"])
    assert port == int(worker["KERASTUNER_ORACLE_PORT"])
    assert service["ports"] == [{"port": port}]


def test_kubernetes_lets_only_workers_reach_the_port():
    documents = [*yaml.safe_load_all(KUBERNETES.read_text("utf-8"))]
    (policy,) = (d for d in documents if d["kind"] == "NetworkPolicy")
    labels = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]
        for d in documents
        if d["kind"] == "Job"
    }
    labels = {name: each["labels"] for name, each in labels.items()}
    policy = policy["spec"]
    assert (
        policy["podSelector"]["matchLabels"] == labels["search-chief"]
    )
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    assert source == {
        "podSelector": {"matchLabels": labels["search-worker"]}
    }
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]
    kinds = [d["kind"] for d in documents]
    assert kinds.count("Service") == 1 and "Ingress" not in kinds
    (service,) = (d for d in documents if d["kind"] == "Service")
    assert service["spec"].get("type", "ClusterIP") == "ClusterIP"


def test_compose_tasks_have_lasting_ids_and_publish_no_port():
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))
    tasks = compose["services"]
    assert compose["networks"]["search"]["internal"] is True
    ids = {}
    for name, task in tasks.items():
        variables = task["environment"]
        ids[name] = variables["KERASTUNER_TUNER_ID"]
        assert variables["KERASTUNER_ORACLE_IP"] == "chief"
        assert task["restart"].startswith("on-failure")
        assert task["networks"] == ["search"]
        assert not {"ports", "network_mode", "deploy"} & set(task)
        assert task["volumes"] == [f"shared:{task['working_dir']}"]
    assert ids == {name: name for name in tasks}
    assert [name for name in ids if "chief" in name] == ["chief"]


@pytest.mark.parametrize(
    "path", [KUBERNETES, COMPOSE, SLURM], ids=lambda p: p.name
)
def test_no_file_lets_the_chief_listen_on_all_addresses(path):
    text = path.read_text("utf-8")
    assert "KERASTUNER_ORACLE_IP" in text and "0.0.0.0" not in text


# Slurm in the three hosts: a controller on the first, a node on each.
CLUSTER = r"""
mkdir -p state/node1 state/node2 state/node3
echo CgroupPlugin=cgroup/v1 > cgroup.conf  # none is used
cat > slurm.conf <<END
ClusterName=hosts
SlurmctldHost=$(hostname)(10.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/state/%n
SlurmctldPidFile=$PWD/state/controller.pid
SlurmdPidFile=$PWD/state/%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/linear
ReturnToService=2
MailProg=/bin/true
NodeName=node1 NodeAddr=10.0.0.1 CPUs=2
NodeName=node2 NodeAddr=10.0.0.2 CPUs=2
NodeName=node3 NodeAddr=10.0.0.3 CPUs=2
PartitionName=main Nodes=ALL Default=YES
END
export SLURM_CONF=$PWD/slurm.conf
on() { host=$1; shift; ip netns exec "host$host" "$@"; }
on 1 slurmctld -D 2>controller.err &
for number in 1 2 3; do
    on $number slurmd -D -N node$number 2>node$number.err &
done
for _ in $(seq 60); do
    on 1 sinfo --noheader --format=%D/%t 2>&1 | grep -q 3/idle && break
    sleep 0.5
done
"""


# What the three tasks of a job do in place of the search, to see what
# the file makes of their ends.
ENDS = {
    "fails": """
        if task == "worker-2":
            sys.exit(4)
        time.sleep(30)
        print(task, "waited in vain")
    """,
    "late": """
        if task == "worker-2":
            ended = Path("ended-" + os.environ["SLURM_JOB_ID"])
            while not ended.exists():
                time.sleep(0.1)
            sys.exit(1)
    """,
}
JOBS = r"""
job() {
    name=$1; shift
    id=$(on 1 sbatch --parsable --nodes=3 --ntasks=3 --cpus-per-task=1 \
        --mem-per-cpu=0 --output="$name.log" "$@" search.sbatch)
    state() { on 1 scontrol show job "$id" | grep -o "JobState=[A-Z]*"; }
    until state | grep -qvE "PENDING|RUNNING|COMPLETING"; do
        sleep 0.3
    done
    echo "$name $(state)"
}
job search
PATH="$PWD/hasty:$PATH"  # the file pauses between attempts
for name in fails late; do
    cp "$name.py" search.py
    job "$name"
done
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Run all jobs; return the state of each, and its log's lines."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can start a Slurm")
    programs = ("unshare", "ip", "slurmctld", "slurmd", "sbatch")
    if why := reason(*programs):
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("slurm")
    shutil.copy(SLURM, folder)
    begin = "import os, sys, time\nfrom pathlib import Path\n"
    begin += "task = os.environ['KERASTUNER_TUNER_ID']\n"
    for name, code in ENDS.items():
        code = begin + textwrap.dedent(code)
        (folder / f"{name}.py").write_text(code, "utf-8")
    (folder / "hasty").mkdir()
    hasty = folder / "hasty" / "sleep"
    hasty.write_text("#!/bin/sh\nexec /bin/sleep 0.5\n", "utf-8")
    hasty.chmod(0o755)
    root = ["unshare", "--net", "--mount", "--pid", "--fork"]
    root += ["--kill-child", "--mount-proc"]
    played = play(
        CLUSTER + JOBS, folder, *root, CHIEF_ADDRESS="10.0.0.1"
    )
    return {
        name: (
            state.removeprefix("JobState="),
            (folder / f"{name}.log").read_text("utf-8").splitlines(),
        )
        for name, state in map(str.split, played.splitlines())
    }


@pytest.mark.process
def test_slurm_runs_the_search_on_three_nodes_and_restarts_a_worker(
    slurm,
):
    """Its second task kills itself in its first trial."""
    state, lines = slurm["search"]
    assert state == "COMPLETED"
    assert "worker-1: attempt 1 failed" in lines
    assert "chief has" + 4 * " COMPLETED" in lines
    trained = [line.split() for line in lines if " trains " in line]
    mine = [trial for task, _, trial in trained if task == "worker-1"]
    assert mine[0] == mine[1], "not the trial that it died in"
    assert len(trained) == 5


@pytest.mark.process
def test_slurm_ends_the_job_of_a_worker_that_fails_three_times(slurm):
    state, lines = slurm["fails"]
    assert state == "FAILED"
    assert not any("in vain" in line for line in lines)
    attempts = [line for line in lines if line.endswith(" failed")]
    assert attempts == [
        f"worker-2: attempt {number} failed" for number in (1, 2, 3)
    ]


@pytest.mark.process
def test_slurm_starts_no_worker_again_once_the_chief_has_ended(slurm):
    state, lines = slurm["late"]
    assert state == "COMPLETED"
    assert "worker-2: attempt 1 failed" in lines
    assert "worker-2: attempt 2 failed" not in lines


# A line of text stands for the chief: these tests are of the way there.
CHIEF = """
import socket, sys
server = socket.create_server((sys.argv[1], 8000))
while True:
    with server.accept()[0] as client:
        client.sendall(b"the chief")
"""
ASK = """
import os, socket, sys, time
address, attempts = sys.argv[1], int(sys.argv[2])
for _ in range(attempts):
    try:
        chief = socket.create_connection((address, 8000), 3)
        answer = chief.recv(9).decode()
    except OSError:
        answer = ""
    if answer:
        break
    time.sleep(0.1)  # the chief, or the tunnel to it, is not there yet
print(address, "answers", answer or "nothing")
"""


@pytest.fixture
def hosts(tmp_path):
    (tmp_path / "chief.py").write_text(CHIEF, "utf-8")
    (tmp_path / "ask.py").write_text(ASK, "utf-8")
    return tmp_path


@pytest.mark.process
def test_a_firewall_lets_workers_through_and_gives_a_stranger_nothing(
    hosts,
):
    """The commands of the page, on the chief's host."""
    if why := reason("unshare", "ip", "nft"):
        pytest.skip(why)
    (block,) = re.findall(r"(?s)#     (nft .+?drop)\n", PAGE)
    rules = re.sub(r"(?m)^#  +", "", block)
    assert rules.count("nft add") == 3
    rules = rules.replace("10.0.0.2, 10.0.0.3", "10.0.0.2")
    (hosts / "rules.sh").write_text(rules, "utf-8")
    played = play(
        """
ip netns exec host1 "$PYTHON" chief.py 10.0.0.1 &
ip netns exec host3 "$PYTHON" ask.py 10.0.0.1 99
ip netns exec host1 sh -e rules.sh
ip netns exec host3 "$PYTHON" ask.py 10.0.0.1 1
ip netns exec host2 "$PYTHON" ask.py 10.0.0.1 1
""",
        hosts,
    )
    assert [line.split()[-1] for line in played.splitlines()] == [
        "chief",
        "nothing",
        "chief",
    ]


@pytest.mark.process
def test_an_ssh_tunnel_reaches_a_chief_that_listens_at_loopback(hosts):
    """The command of the page, on the worker's host."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can start an SSH server on a host")
    if why := reason("unshare", "ip", "ssh", "ssh-keygen"):
        pytest.skip(why)
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if not sshd:
        pytest.skip("sshd not installed")
    (tunnel,) = re.findall(r"#     (ssh -N .+) chief-host\n", PAGE)
    for key in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", ""]
        subprocess.run([*make, "-f", hosts / key], check=True)
    root = ["unshare", "--net", "--mount", "--pid", "--fork"]
    root += ["--kill-child", "--mount-proc"]
    played = play(
        f"""
mkdir /run/sshd
chief="-o UsePAM=no -o StrictModes=no -o PidFile=none"
ip netns exec host1 {sshd} -D -f /dev/null -h "$PWD/host" $chief \\
    -o AuthorizedKeysFile="$PWD/user.pub" 2>sshd.err &
ip netns exec host1 "$PYTHON" chief.py 127.0.0.1 &
worker="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
until ip netns exec host2 {tunnel} -i user $worker 10.0.0.1; do
    sleep 0.2
done 2>ssh.err &
ip netns exec host2 "$PYTHON" ask.py 127.0.0.1 99
ip netns exec host2 "$PYTHON" ask.py 10.0.0.1 1
""",
        hosts,
        *root,
    )
    assert played.splitlines() == [
        "127.0.0.1 answers the chief",
        "10.0.0.1 answers nothing",
    ]


class Numbers(kt.RandomSearch):
    def run_trial(self, trial, **_):
        if self.fails:
            raise ValueError("a mistake in every trial")
        return {"score": trial.hyperparameters.Float("x", 0.0, 1.0)}


@pytest.fixture
def join(tmp_path):
    """Makes a task of one search, under its variables."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)

    @contextlib.contextmanager
    def join(tuner_id, fails=False):
        variables = {
            "KERASTUNER_TUNER_ID": tuner_id,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": port,
        }
        with mock.patch.dict(os.environ, variables):
            tuner = Numbers(
                objective=kt.Objective("score", "max"),
                hyperparameters=space,
                max_trials=5,
                seed=1,
                directory=tmp_path,
                project_name="join",
            )
            tuner.fails = fails
            yield tuner

    return join


def serve(join):
    """Start a chief in a thread; return its tuner and the thread."""
    with join("chief") as chief:
        thread = threading.Thread(
            target=chief.search, kwargs={"verbose": 0}, daemon=True
        )
        thread.start()
        while True:
            with contextlib.suppress(OSError):
                port = int(os.environ["KERASTUNER_ORACLE_PORT"])
                socket.create_connection(("127.0.0.1", port)).close()
                return chief, thread
            time.sleep(0.05)


def test_a_task_that_returns_under_its_id_gets_its_trial_back(join):
    serve(join)
    with join("worker-1") as first:
        lost = first.oracle.create_trial("worker-1")
    with join("worker-1") as again:
        assert (
            again.oracle.create_trial("worker-1").trial_id
            == lost.trial_id
        )
    with join("worker-9") as other:
        assert (
            other.oracle.create_trial("worker-9").trial_id
            != lost.trial_id
        )


@pytest.fixture
def slept(monkeypatch):
    """How long a chief slept each time; each a hundredth of it."""
    from keras_tuner.src.distribute import oracle_chief

    slept = []

    def sleep(seconds):
        slept.append(seconds)
        time.sleep(seconds / 100)

    monkeypatch.setattr(oracle_chief, "time", mock.Mock(sleep=sleep))
    return slept


def test_a_chief_looks_each_second_then_each_twenty_for_a_busy_worker(
    join, slept
):
    chief, thread = serve(join)
    with join("worker-2") as busy:
        trial = busy.oracle.create_trial("worker-2")
    with join("worker-1") as worker:
        worker.search(verbose=0)
    while 20 not in slept and thread.is_alive():
        time.sleep(0.01)
    assert thread.is_alive() and set(slept) == {1, 20}
    with join("worker-2"):
        busy._try_run_and_update_trial(trial)
        busy.on_trial_end(trial)
        busy.search(verbose=0)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert len(chief.oracle.trials) == 5


def test_three_failures_end_a_worker_and_leave_the_chief_waiting(
    join, slept
):
    chief, thread = serve(join)
    with (
        join("worker-1", fails=True) as worker,
        pytest.raises(Exception, match="consecutive failures"),
    ):
        worker.search(verbose=0)
    looks = len(slept) + 3  # so often it looks again, and waits on
    while len(slept) < looks and thread.is_alive():
        time.sleep(0.01)
    assert thread.is_alive()
    statuses = [t.status for t in chief.oracle.trials.values()]
    assert statuses == 3 * ["FAILED"]


def test_the_page_leads_to_each_file():
    for name in ("on-slurm", "on-kubernetes", "in-containers"):
        assert f"/snippets.md#a-search-{name})" in PAGE
