# %% [markdown] index="several machines; multiple machines; cluster; Slurm; sbatch; Kubernetes; Docker Compose; distributed tuning; chief and workers; shared directory; NFS; MirroredStrategy; distribution_strategy; port of the chief; security of the port" needs="posix"
# # Several machines
#
# How one search runs on many hosts: what they must share, how a
# scheduler starts it, who can reach the chief's port, and what hangs
# it.
#
# Every host runs the same script in a shared folder, with three
# variables:
#
# ```shell
# export KERASTUNER_ORACLE_IP=10.0.0.1  # the chief's address
# export KERASTUNER_ORACLE_PORT=8000
# KERASTUNER_TUNER_ID=chief python search.py     # on 10.0.0.1
# KERASTUNER_TUNER_ID=worker-2 python search.py  # on 10.0.0.2
# ```
#
# - [Files for Slurm, Kubernetes and Compose](#files-for-schedulers) do
#   this for you.
# - Restart a dead task *under its own id*, or the chief waits for ever.
# - [The port](#what-the-port-gives-away) has no password: whoever
#   reaches it can read, change and hang the search.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits


def search(Tuner):
    tuner = Tuner(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=2,
        seed=1,
        directory="searches",
        project_name="several_machines",
    )
    x, y = load_digits(return_X_y=True)
    tuner.search(x[:300] / 16, y[:300], validation_split=0.2, verbose=0)
    return tuner


search(kt.RandomSearch).results_summary(1)

# %% [markdown]
# That search ran alone. For the cores of one machine, see [several
# processes](several_processes.py).

# %%
import contextlib
import functools
import inspect
import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import tensorflow as tf

# %% [markdown]
# ## Three hosts
#
# At the end the chief loads the best model. Each host has two devices,
# [which share its trials](#several-devices-inside-a-trial).


# %%
def two_devices():
    """Split the processor; return a strategy for both parts."""
    (processor,) = tf.config.list_physical_devices("CPU")
    halves = 2 * [tf.config.LogicalDeviceConfiguration()]
    tf.config.set_logical_device_configuration(processor, halves)
    return tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])


def together():
    """Wait for all, or one worker may train both trials."""
    Path(f"{os.environ['KERASTUNER_TUNER_ID']}.ready").touch()
    while len([*Path().glob("*.ready")]) < 3:
        time.sleep(0.1)


# %%
def run_task():
    """Search as the task that the variables name."""
    task = os.environ["KERASTUNER_TUNER_ID"]

    class Named(kt.RandomSearch):
        def on_epoch_end(self, trial, model, *args, **kwargs):
            super().on_epoch_end(trial, model, *args, **kwargs)
            devices = model.distribute_strategy.num_replicas_in_sync
            number = f"{trial.trial_id} on {devices} devices"
            print(task, "trained trial", number, flush=True)

    several = {"distribution_strategy": two_devices()}
    tuner = search(functools.partial(Named, **several))
    if task == "chief":
        model = tuner.get_best_models()[0]
        print("chief loaded", model.count_params(), "weights")


# %%
imports = """
import functools, os, time
from pathlib import Path
import keras
import keras_tuner as kt
import tensorflow as tf
from sklearn.datasets import load_digits
"""
functions = build_model, search, two_devices, together, run_task
code = [imports, *map(inspect.getsource, functions)]
code += ["together()\nrun_task()"]
_ = Path("search.py").write_text("\n\n".join(code), "utf-8")

# %% [markdown]
# On Linux a network namespace can play a host. This script joins three of
# them by a bridge, without root. On other systems one host plays all
# three.

# %%
LAN = """
set -e
mount -t tmpfs none /run  # where ip keeps its namespaces
ip link add lan type bridge
ip link set lan up
for number in 1 2 3; do
    ip netns add host$number
    ip link add port$number type veth peer name eth0 netns host$number
    ip link set port$number master lan up
    ip -n host$number address add 10.0.0.$number/24 dev eth0
    ip -n host$number link set eth0 up
    ip -n host$number link set lo up
done
"""

# %% [markdown]
# A task runs on each, in any order: workers wait for the chief.

# %%
TASKS = """
task() { KERASTUNER_TUNER_ID="$2" $(on "$1") "$PYTHON" search.py; }
task 2 worker-2 2>worker-2.err & worker_2=$!
task 3 worker-3 2>worker-3.err & worker_3=$!
task 1 chief 2>chief.err & chief=$!
wait $chief; echo "chief ended with $?"
wait $worker_2; echo "worker-2 ended with $?"
wait $worker_3; echo "worker-3 ended with $?"
"""

# %%
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
UNSHARE += ["--pid", "--fork", "--kill-child"]
HOSTS = False
if shutil.which("unshare") and shutil.which("ip"):
    tried = [*UNSHARE, "sh", "-c", LAN]
    HOSTS = not subprocess.run(tried, capture_output=True).returncode
if HOSTS:
    command, address = [*UNSHARE, "sh", "-c"], "10.0.0.1"
    script = LAN + 'on() { echo "ip netns exec host$1"; }' + TASKS
else:
    command, address = ["sh", "-c"], "127.0.0.1"
    script = "on() { echo; }" + TASKS
print("three hosts" if HOSTS else "one host plays three")


# %%
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def as_task(tuner_id, port, address="127.0.0.1"):
    """Set the three variables, for a `with` block."""
    values = {"TUNER_ID": tuner_id, "ORACLE_IP": address}
    values["ORACLE_PORT"] = port
    return mock.patch.dict(
        os.environ, {f"KERASTUNER_{k}": v for k, v in values.items()}
    )


# %%
shutil.rmtree("searches/several_machines", ignore_errors=True)
for path in Path().glob("*.ready"):  # of a run before
    path.unlink()
command += [script.replace("$PYTHON", sys.executable)]
options = {"capture_output": True, "text": True, "timeout": 600}
with as_task("set by TASKS", free_port(), address):
    done = subprocess.run(command, **options)
print(*sorted(done.stdout.splitlines()), sep="\n")

# %%
assert done.stdout.count(" on 2 devices") == 2, done.stderr
assert done.stdout.count("ended with 0") == 3
assert "chief loaded" in done.stdout

# %% [markdown]
# ## What the hosts must share
#
# All write into one folder, and read what others wrote. The chief writes
# `oracle.json` and each `trial.json`; a worker writes the weights of its
# trials:

# %%
folder = Path("searches", "several_machines")
written = {path.name for path in folder.rglob("*.*")}
print(*sorted(written), sep="\n")
assert written > {"oracle.json", "trial.json", "checkpoint.weights.h5"}

# %% [markdown]
# Scores and hyperparameters travel over the network, weights only
# through the folder. A relative `directory` is relative to where each
# process was *started*, so hosts may write to different folders without
# a warning, as the tuners below do, in one process.


# %%
def start_chief(make, port, address="127.0.0.1"):
    """Let a tuner serve from a thread, as the chief; return both."""
    with as_task("chief", port, address):
        tuner = make()
        thread = threading.Thread(
            target=tuner.search, kwargs={"verbose": 0}, daemon=True
        )
        thread.start()
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection((address, int(port))).close()
                return tuner, thread
            time.sleep(0.1)


# %%
def apart(host):
    """Return settings of a tuner that has a folder of its own."""
    return {
        "objective": kt.Objective("val_accuracy", "max"),
        "seed": 1,
        "directory": f"searches/several_machines_{host}",
        "project_name": "several_machines_apart",
        "overwrite": True,
    }


# %%
def build_eagerly(hp):
    model = build_model(hp)
    model.run_eagerly = True  # tracing takes longer than a few steps
    return model


def hyperband(host):
    words = {"max_epochs": 2, "factor": 2}
    return kt.Hyperband(build_eagerly, **words, **apart(host))


# %% [markdown]
# The chief is `host_1`, `host_2` trains a first round of Hyperband, and
# `host_3` has to train on from it.

# %%
x, y = load_digits(return_X_y=True)
train = {"x": x[:200] / 16, "y": y[:200], "validation_split": 0.25}
port = free_port()
chief, _ = start_chief(lambda: hyperband("host_1"), port)
for host in ("host_2", "host_2", "host_3"):
    with as_task(host, port), contextlib.redirect_stderr(io.StringIO()):
        worker = hyperband(host)
        trial = worker.oracle.create_trial(host)
        worker._try_run_and_update_trial(trial, **train, verbose=0)
        worker.on_trial_end(trial)
    status = chief.oracle.trials[trial.trial_id].status
    parent = trial.hyperparameters.values.get("tuner/trial_id", "none")
    print(host, "continues", parent, "and is", status)

# %%
print("host_3 had", trial.message.split("errors_impl.")[-1].strip())
try:
    chief.get_best_models()
except FileNotFoundError as error:
    missing = str(error).split("'")[1]
    print("the chief has FileNotFoundError:", missing)
assert status == "FAILED" and "host_1" in missing

# %% [markdown]
# A random search would complete, and the chief would miss the weights at
# the end. Under Hyperband three such failures in a row end the worker,
# and the chief [waits](#what-ends-and-what-must-be-started-again).
#
# So give `directory` as an absolute path that means the same disk on
# every host, and check: `touch` a file on one, `ls` on another.
#
# On NFS a host may not see at once a *new* file whose absence it has
# cached; the mount option `lookupcache=positive` ends that. Keras Tuner
# neither locks files nor lets two hosts append to one.
#
# ## What the port gives away
#
# Keras Tuner opens the port with gRPC's `add_insecure_port`, without
# encryption or password. Here a stranger has the address, but not the
# folder.


# %%
class Numbers(kt.RandomSearch):
    def run_trial(self, trial, **_):
        return trial.hyperparameters.Float("x", 0.0, 1.0)


def numbers(host):
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    words = {"hyperparameters": space, "max_trials": 5}
    return Numbers(**words, **apart(host))


# %%
port = free_port()
chief, thread = start_chief(lambda: numbers("host_1"), port)
with as_task("worker-2", port):
    worker = numbers("host_2")
for _ in range(2):
    trial = worker.oracle.create_trial("worker-2")
    worker._try_run_and_update_trial(trial)
    worker.oracle.end_trial(trial)

# %%
with as_task("anybody", port):
    stranger = numbers("elsewhere").oracle
seen = stranger.get_best_trials(9)
print({trial.trial_id: trial.hyperparameters.values for trial in seen})
assert len(seen) == 2

# %% [markdown]
# The stranger can read all trials, report any score, and add to the
# space:

# %%
trial = stranger.create_trial("anybody")
stranger.update_trial(trial.trial_id, {"val_accuracy": 99.0})
trial.status = "COMPLETED"
stranger.end_trial(trial)
space = kt.HyperParameters()
space.Choice("injected", ["by a stranger"])
stranger.update_space(space)

(best,) = chief.oracle.get_best_trials()
names = [each.name for each in chief.oracle.get_space().space]
print("the chief's best:", best.score, "and its space:", names)
assert best.score == 99 and names == ["x", "injected"]

# %% [markdown]
# And one message about a trial that does not exist hangs the search:
# the chief keeps its lock, and never learns that all trials are done.

# %%
try:
    stranger.update_trial("none", {"val_accuracy": 1.0})
except Exception as error:
    print(type(error).__name__, error.details())
with as_task("worker-2", port):
    worker.search(verbose=0)
    with contextlib.suppress(Exception):
        stranger.create_trial("anybody")  # is told that all is done
thread.join(timeout=5)
print("trials that ended:", len(chief.oracle.end_order))
print("the chief still waits:", thread.is_alive())
assert thread.is_alive() and not chief.oracle.tuner_ids

# %% [markdown]
# ## Whom the port answers
#
# A chief listens at its `KERASTUNER_ORACLE_IP`; 0.0.0.0 means all
# addresses, the public one included. Here two loopback addresses stand
# for two networks; macOS has only the first.

# %%
answers = []
for listens_at in ("127.0.0.1", "0.0.0.0"):
    port = free_port()
    start_chief(lambda: numbers("host_1"), port, listens_at)
    for asked in ("127.0.0.1", "127.0.0.2"):
        with socket.socket() as client:
            client.settimeout(5)
            refused = client.connect_ex((asked, int(port)))
        answers.append("refuses" if refused else "answers")
        print(f"{listens_at}, asked at {asked}: {answers[-1]}")
if sys.platform == "linux":
    assert answers == ["answers", "refuses", "answers", "answers"]

# %% [markdown]
# Three protections, the least work first:
#
# 1. In the chief, name the one address that it shares with the workers,
#    never 0.0.0.0.
# 2. Let only the workers' addresses through. On the chief's host, as
#    root, with nftables:
#
#     ```shell
#     nft add table inet search
#     nft add chain inet search input \
#         '{ type filter hook input priority 0; }'
#     nft add rule inet search input tcp dport 8000 \
#         ip saddr != '{ 10.0.0.2, 10.0.0.3 }' drop
#     ```
#
#     A NetworkPolicy on Kubernetes and an internal network in Compose
#     do this, both in the [files](#files-for-schedulers).
#
# 3. Over a network that others use, go through a tunnel. With SSH the
#    chief listens at 127.0.0.1 only, and each worker asks its own end,
#    `KERASTUNER_ORACLE_IP=127.0.0.1`:
#
#     ```shell
#     ssh -N -L 8000:127.0.0.1:8000 chief-host
#     ```
#
#     With WireGuard, `KERASTUNER_ORACLE_IP` is the chief's address inside
#     the tunnel.
#
# Tests try the SSH tunnel and the firewall: a stranger gets no answer.
# Other users *of the same hosts* pass all three. A shared *folder* has
# [dangers of its own](strangers_folder.py).
#
# ## Files for schedulers
#
# All three run `search.py` as it is.
#
# - [Slurm](../../snippets.md#a-search-on-slurm): one job, whose first
#   task is the chief. A task that dies is restarted twice at most, then
#   the job ends. After a lost node it starts again, and the chief
#   resumes.
# - [Kubernetes](../../snippets.md#a-search-on-kubernetes): a job for
#   the chief, an *indexed* job for the workers, whose replaced pods
#   keep their ids, a shared volume, a network policy and a deadline.
# - [Compose](../../snippets.md#a-search-in-containers): containers of one
#   machine are the hosts.
#
# Pin image and packages, so that all run the same Keras Tuner.
#
# ## What ends, and what must be started again
#
# The chief waits until every worker that ever asked has been told that
# all is done. Hence:
#
# | event | what follows | what to do |
# |---|---|---|
# | all went well | all end with 0, the chief up to 20 seconds later | |
# | a worker or its host dies | its trial stays, the chief waits for ever | start it again, same id, on any host |
# | the chief dies | workers wait, an hour at most | start it again, same folder |
# | three trials fail in a row | a worker ends with 1, the chief waits for ever | end all, mend the script |
# | a worker starts when all is over | it waits an hour, [ends with 1](../reference/error_messages.py#statuscodedeadline_exceeded) | end it |
# | a worker is added | it takes the next trial | |
# | `overwrite=True` | each task that starts [deletes the folder](../explanation/corrections.py#overwrite-on-a-worker) | leave it out |
#
# A scheduler should restart what died *and* set a time limit: a chief
# that waits does not fail.
#
# ## Several devices inside a trial
#
# To train one trial on several devices of its host:
#
# ```python
# strategy = tf.distribute.MirroredStrategy()  # all GPUs of the host
# kt.RandomSearch(build_model, distribution_strategy=strategy, ...)
# ```
#
# The [three hosts](#three-hosts) did so, each with its processor split
# in two. Each device gets half of each batch, so the score should be
# that of one device; neither that nor what GPUs gain was tried.
# `get_best_models` loads into the scope too.
#
# If a trial fits one GPU, prefer [a worker for
# each](on_a_gpu.py#one-worker-for-each-gpu): workers don't wait for each
# other at every batch.
#
# ## What this page did not show
#
# - Real hosts, and a network that loses packets: namespaces share one
#   kernel and one disk.
# - A network disk: what is said of NFS was read, not run.
# - Kubernetes and Compose: tests check their files against schemas, and
#   start none.
# - One trial over several *hosts*: the strategy is for the devices of
#   one.
