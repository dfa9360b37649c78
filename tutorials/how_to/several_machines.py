# %% [markdown] index="several machines; multiple machines; cluster; Slurm; sbatch; Kubernetes; Docker Compose; distributed tuning; chief and workers; shared directory; NFS; MirroredStrategy; distribution_strategy; port of the chief; security of the port" needs="posix"
# # Several machines
#
# How one search runs on many hosts: what they must share, how Slurm,
# Kubernetes and Compose start it, who can reach the chief's port, and
# what ends or hangs it.
#
# The script stays as it is. Every host runs it, in one folder that all
# share, with three variables:
#
# ```shell
# export KERASTUNER_ORACLE_IP=10.0.0.1  # the chief's address
# export KERASTUNER_ORACLE_PORT=8000
# KERASTUNER_TUNER_ID=chief python search.py     # on 10.0.0.1
# KERASTUNER_TUNER_ID=worker-2 python search.py  # on 10.0.0.2
# KERASTUNER_TUNER_ID=worker-3 python search.py  # on 10.0.0.3
# ```
#
# - Files to copy: [Slurm](../../snippets.md#a-search-on-slurm),
#   [Kubernetes](../../snippets.md#a-search-on-kubernetes),
#   [Compose](../../snippets.md#a-search-in-containers).
# - A task that dies must come back *under its own id*, or the chief
#   waits for ever.
# - Whoever reaches [the port](#what-the-port-gives-away) can read the
#   search, change it and hang it. There is no password.
#
# One machine with several cores needs no hosts: [several
# processes](several_processes.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import inspect
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Three hosts
#
# The search is that of any page, and knows nothing of hosts. Two
# additions help to watch it: each task names the trials it trained, and
# the chief, which has them all, loads the best model at the end.

# %%
from snippets.models.build_model import build_model

# %%
source = f"""
import gc
import os
import warnings

import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

{inspect.getsource(build_model)}

task = os.environ.get("KERASTUNER_TUNER_ID", "alone")

class Named(kt.RandomSearch):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        print(task, "trained trial", trial.trial_id, flush=True)

keras.utils.set_random_seed(1)
tuner = Named(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=4,
    seed=1,
    directory="searches",
    project_name="several_machines",
)
x, y = load_digits(return_X_y=True)
data = dict(validation_data=(x[1000:1400] / 16, y[1000:1400]))
gc.freeze()
tuner.search(x[:1000] / 16, y[:1000], **data, verbose=0)
if task == "chief":
    warnings.simplefilter("ignore")  # of the optimizer's state
    model = tuner.get_best_models()[0]
    print("chief loaded a model of", model.count_params(), "weights")
"""
_ = Path("search.py").write_text(source, "utf-8")

# %% [markdown]
# Linux can play several hosts on one: a network namespace has
# interfaces and addresses of its own. The first half of this script
# makes three, joined by a bridge; the second runs a task on each, in
# the folder they share. `unshare` gives it all a world of its own,
# which needs no root and is gone with its last process.

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
TASKS = """
task() { KERASTUNER_TUNER_ID="$2" $(on "$1") "$PYTHON" search.py; }
task 2 worker-2 2>worker-2.err & worker_2=$!
task 3 worker-3 2>worker-3.err & worker_3=$!
sleep 3  # a worker waits for the chief, so it may come first
task 1 chief 2>chief.err & chief=$!
wait $chief; echo "chief ended with $?"
wait $worker_2; echo "worker-2 ended with $?"
wait $worker_3; echo "worker-3 ended with $?"
"""

# %% [markdown]
# Where that is not to be had (macOS, some containers), the three tasks
# run on one host. The script is the same again.

# %%
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
UNSHARE += ["--pid", "--fork", "--kill-child"]


def can_play_hosts():
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    tried = [*UNSHARE, "sh", "-c", LAN]
    return not subprocess.run(tried, capture_output=True).returncode


HOSTS = can_play_hosts()
if HOSTS:
    command = [*UNSHARE, "sh", "-c"]
    script = LAN + 'on() { echo "ip netns exec host$1"; }' + TASKS
    address = "10.0.0.1"
else:
    command, address = ["sh", "-c"], "127.0.0.1"
    script = "on() { echo; }" + TASKS
print("three hosts" if HOSTS else "one host plays three")


# %%
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


# %%
variables = {
    "PYTHON": sys.executable,
    "KERASTUNER_ORACLE_IP": address,
    "KERASTUNER_ORACLE_PORT": free_port(),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
shutil.rmtree("searches/several_machines", ignore_errors=True)
done = subprocess.run(
    [*command, script],
    env=os.environ | variables,
    capture_output=True,
    text=True,
    timeout=600,  # or the page would wait as long as a chief may
)
lines = sorted(done.stdout.splitlines())
print("\n".join(lines))

# %%
trained = [line.split()[-1] for line in lines if "trained" in line]
assert sorted(trained) == list("0123"), done.stderr
ended = [line for line in lines if "ended" in line]
assert len(ended) == 3 and all(e.endswith(" 0") for e in ended)
assert sum("chief loaded" in line for line in lines) == 1

# %% [markdown]
# Each trial was trained once, by whoever asked next. All three ended by
# themselves, with 0. Who gets which trial differs from run to run; the
# hyperparameters don't, for random search draws them in order.
#
# ## What the hosts must share
#
# The chief and the workers write into the same folder, and each reads
# what another wrote:

# %%
folder = Path("searches", "several_machines")
written = sorted({path.name for path in folder.rglob("*.*")})
of_chief = {"chief.json", "oracle.json", "trial.json"}
for name in written:
    who = "chief" if name in of_chief else "the trial's worker"
    if name.startswith("worker-"):
        who = name.removesuffix(".json")
    print(f"{name:22}", who)
assert {*of_chief, "checkpoint.weights.h5"} < set(written)

# %% [markdown]
# Scores and hyperparameters travel over the network. Weights don't:
# they are read from the disk, by the name that `directory` and
# `project_name` give. A relative `directory` is relative to where each
# process was *started*: two hosts with two home folders have two, and
# nothing says so. What follows then is shown with tuners of this
# process, each with a folder of its own.

# %%
x, y = load_digits(return_X_y=True)
x, y = x[:400] / 16, y[:400]
train = {"x": x[:300], "y": y[:300], "verbose": 0}
train["validation_data"] = x[300:], y[300:]


def as_task(tuner_id, port, address="127.0.0.1"):
    """Set the three variables, for a `with` block."""
    names = ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT")
    values = (tuner_id, address, port)
    pairs = zip(names, values, strict=True)
    return mock.patch.dict(
        os.environ, {f"KERASTUNER_{name}": v for name, v in pairs}
    )


# %%
def start_chief(tuner, port, address="127.0.0.1"):
    """Let a tuner serve from a thread, as the chief; return both."""
    thread = threading.Thread(
        target=tuner.search, kwargs={"verbose": 0}, daemon=True
    )
    with as_task("chief", port, address):
        thread.start()
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection((address, int(port))).close()
                return tuner, thread
            time.sleep(0.1)


# %%
def make(tuner_class, host, **settings):
    return tuner_class(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        seed=1,
        directory=f"searches/several_machines_{host}",
        project_name="several_machines_apart",
        overwrite=True,  # each has a folder of its own here
        **settings,
    )


port, settings = free_port(), {"max_trials": 1}
with as_task("chief", port):
    chief = make(kt.RandomSearch, "host_1", **settings)
chief, thread = start_chief(chief, port)
with as_task("worker-2", port):
    make(kt.RandomSearch, "host_2", **settings).search(**train)
thread.join(timeout=60)
assert not thread.is_alive()

# %%
trials = chief.oracle.get_best_trials()
print("trials:", [trial.status for trial in trials])
try:
    chief.get_best_models()
except FileNotFoundError as error:
    missing = str(error).split("'")[1]
    print("FileNotFoundError:", missing)
assert {trial.status for trial in trials} == {"COMPLETED"}
assert "host_1" in missing

# %% [markdown]
# Random search ends well, and the loss shows at the end: the weights
# lie on the worker's disk. Hyperband needs them earlier. Here one
# worker trains a first round; another, with another folder, is to
# train on from it.

# %%
port, settings = free_port(), {"max_epochs": 2, "factor": 2}
with as_task("chief", port):
    chief = make(kt.Hyperband, "host_1", **settings)
chief, thread = start_chief(chief, port)
outcomes, printed = [], io.StringIO()
for host, count in (("host_2", 2), ("host_3", 1)):
    with as_task(host, port), contextlib.redirect_stderr(printed):
        worker = make(kt.Hyperband, host, **settings)
        for _ in range(count):
            trial = worker.oracle.create_trial(host)
            worker._try_run_and_update_trial(trial, **train)
            worker.on_trial_end(trial)
            outcomes.append((host, trial))

# %%
for host, trial in outcomes:
    values = trial.hyperparameters.values
    parent = values.get("tuner/trial_id", "none")
    print(host, "continues", parent, end=": ")
    print(chief.oracle.trials[trial.trial_id].status)
error = trial.message.splitlines()[-1].rpartition("errors_impl.")[-1]
print(error)
assert [
    chief.oracle.trials[trial.trial_id].status for _, trial in outcomes
] == ["COMPLETED", "COMPLETED", "FAILED"]
assert parent != "none"
assert "NotFoundError" in error and "host_3" in error

# %% [markdown]
# A promoted trial needs its parent's weights, wherever they were
# trained. Three such failures in a row end the worker, and the chief
# [waits on](#what-ends-and-what-must-be-started-again).
#
# So give `directory` as an absolute path that means the same disk on
# every host, and look once: `touch` a file on one host, `ls` on another.
#
# Network disks answer from a cache. NFS promises that a file closed on
# one host is seen by another that opens it later, which is how weights
# are passed on. What it may not see at once is a *new* file whose
# absence it has noted; the mount option `lookupcache=positive` ends
# that. Files locked or appended to by two hosts would be another
# matter; Keras Tuner does neither.
#
# ## What the port gives away
#
# The chief's port has neither encryption nor password: Keras Tuner
# opens it with gRPC's `add_insecure_port`. A chief, a worker that has
# trained two trials, and a stranger who has Keras Tuner and the
# address, and no access to the folder. No models are needed: a score
# is the number drawn.


# %%
class Numbers(kt.RandomSearch):
    def run_trial(self, trial, **_):
        return {"score": trial.hyperparameters.Float("x", 0.0, 1.0)}

    def train(self, count):
        for _ in range(count):
            trial = self.oracle.create_trial(self.tuner_id)
            self._try_run_and_update_trial(trial)
            self.oracle.end_trial(trial)


def numbers(host):
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    return Numbers(
        objective=kt.Objective("score", "max"),
        hyperparameters=space,
        max_trials=5,
        seed=1,
        directory=f"searches/several_machines_{host}",
        project_name="several_machines_port",
        overwrite=True,
    )


# %%
port = free_port()
with as_task("chief", port):
    chief = numbers("host_1")
chief, thread = start_chief(chief, port)
with as_task("worker-2", port):
    worker = numbers("host_2")
    worker.train(2)
with as_task("anybody", port):
    stranger = numbers("elsewhere").oracle
for trial in stranger.get_best_trials(9):
    values = trial.hyperparameters.values
    print(trial.trial_id, f"x={values['x']:.3f}", f"{trial.score:.3f}")
assert len(stranger.get_best_trials(9)) == 2

# %% [markdown]
# The stranger reads all trials. It can take one, and report what it
# likes; and it can add to the space.

# %%
trial = stranger.create_trial("anybody")
stranger.update_trial(trial.trial_id, {"score": 99.0})
trial.status = "COMPLETED"
stranger.end_trial(trial)
space = kt.HyperParameters()
space.Choice("injected", ["by a stranger"])
stranger.update_space(space)

# %%
(best,) = chief.oracle.get_best_trials()
names = [each.name for each in chief.oracle.get_space().space]
print("the chief's best:", best.score, "and its space:", names)
assert best.score == 99 and names == ["x", "injected"]

# %% [markdown]
# And it can hang the search, by one message about a trial that does not
# exist. The error goes back to the stranger; the chief keeps the lock
# that it held, and can never find that all is done.

# %%
try:
    stranger.update_trial("none", {"score": 1.0})
except Exception as error:
    print(type(error).__name__, error.details())
with as_task("worker-2", port):
    worker.search(verbose=0)
    with contextlib.suppress(Exception):
        stranger.create_trial("anybody")  # is told that all is done
thread.join(timeout=5)
print(len(chief.oracle.trials), "trials, all done, the chief:", end=" ")
print("still waiting" if thread.is_alive() else "ended")
assert thread.is_alive() and len(chief.oracle.trials) == 5
assert not chief.oracle.ongoing_trials and not chief.oracle.tuner_ids

# %% [markdown]
# ## Whom the port answers
#
# In a chief, `KERASTUNER_ORACLE_IP` says on which of its addresses to
# listen, and 0.0.0.0 means on all of them, the public one included.
# Here the machine's loopback network stands for two networks. (macOS
# has only the first of its addresses.)

# %%
answers = {}
for listens_at in ("127.0.0.1", "0.0.0.0"):
    port = free_port()
    with as_task("chief", port, listens_at):
        chief = numbers("host_1")
    start_chief(chief, port, listens_at)
    for asked in ("127.0.0.1", "127.0.0.2"):
        with socket.socket() as client:
            client.settimeout(5)
            refused = client.connect_ex((asked, int(port)))
        answers[listens_at, asked] = "refused" if refused else "answers"
display(pd.Series(answers).unstack().rename_axis("listens at"))

# %%
if sys.platform == "linux":
    assert answers["127.0.0.1", "127.0.0.2"] == "refused"
    assert answers["0.0.0.0", "127.0.0.2"] == "answers"

# %% [markdown]
# So, from the least to do to the most:
#
# 1. In the chief, name the one address of the private network that it
#     shares with the workers, never 0.0.0.0.
# 2. Let only the workers' addresses through. On the chief's host, as
#     root, with nftables:
#
#         nft add table inet search
#         nft add chain inet search input \
#             '{ type filter hook input priority 0; }'
#         nft add rule inet search input tcp dport 8000 \
#             ip saddr != '{ 10.0.0.2, 10.0.0.3 }' drop
#
#     On Kubernetes a NetworkPolicy does it, in Compose an internal
#     network; both are in the [files](#files-for-schedulers).
# 3. Over a network that others use, go through a tunnel. With SSH the
#     chief listens at 127.0.0.1 only, and each worker asks its own end
#     of the tunnel, `KERASTUNER_ORACLE_IP=127.0.0.1`:
#
#         ssh -N -L 8000:127.0.0.1:8000 chief-host
#
#     With WireGuard, `KERASTUNER_ORACLE_IP` is the chief's address
#     inside it.
#
# Tests try the first tunnel and the firewall between hosts as above:
# the workers get through, and a stranger gets no answer. Other users
# *of the same hosts* pass all three; where nodes are shared, as on many
# clusters, they can reach your port.
# What a shared *folder* lets others do has its own page: [a stranger's
# folder](strangers_folder.py).
#
# ## Files for schedulers
#
# All three run `search.py` as it is above.
#
# - [Slurm](../../snippets.md#a-search-on-slurm): one job; its first task is
#   the chief, `SLURM_PROCID` names the workers, the port follows from
#   the job's number. A task that dies is started again in place, twice
#   at most; then `--kill-on-bad-exit` ends the job, since the others
#   would wait for ever. After a lost node `--requeue` starts it again,
#   and the chief resumes.
# - [Kubernetes](../../snippets.md#a-search-on-kubernetes): a job for the
#   chief with a service in front of it, an *indexed* job for the
#   workers, so that a pod that is replaced keeps its id, a volume that
#   all nodes can write, a network policy for the port, and a deadline.
# - [Compose](../../snippets.md#a-search-in-containers): a service for each
#   worker rather than replicas, which have no lasting ids. It is for one
#   machine, whose containers are the hosts.
#
# Image and packages are yours to name; pin them, so that chief and
# workers run the same Keras Tuner. Tests hold the last two files against
# the schemas of Kubernetes and Compose, and run the first on a Slurm of
# three hosts: with a search whose worker is killed, a worker that fails
# for good, and one that comes too late.
#
# ## What ends, and what must be started again
#
# The chief looks once a second whether a worker was told that all is
# done. From then on it waits until every worker that ever asked has
# been told, and looks every twenty seconds. Hence:
#
# | event | what follows | what to do |
# |---|---|---|
# | all went well | all end with 0, the chief up to 20 seconds later | |
# | a worker dies | its trial stays, the chief waits for ever | start it again, same id |
# | a host is gone | the same | start its id on another host |
# | the chief dies | workers wait, an hour at most | start it again, same folder |
# | three trials fail in a row | a worker ends with 1, the chief waits for ever | end all, mend the script |
# | a worker starts when all is over | it waits an hour, [ends with 1](../reference/error_messages.py#statuscodedeadline_exceeded) | end it |
# | a worker is added | it takes the next trial | |
# | `overwrite=True` | each task that starts [deletes the folder](../explanation/corrections.py#overwrite-on-a-worker) | leave it out |
#
# [Several processes](several_processes.py) kills workers and a chief
# and shows these ends. Two things follow for a scheduler: restart what
# died, *and* set a time limit, for a chief that waits does not fail.
#
# ## Several devices inside a trial
#
# Hosts share out trials. To train one trial on several devices of its
# host, a tuner takes a `tf.distribute` strategy:
#
# ```python
# strategy = tf.distribute.MirroredStrategy()  # all GPUs of the host
# kt.RandomSearch(build_model, distribution_strategy=strategy, ...)
# ```
#
# Without GPUs it can be tried on a processor that is split into two
# logical devices. That must come before anything else in a process, so
# it is one of its own.

# %%
source = f"""
import json
import sys

import keras
import keras_tuner as kt
import tensorflow as tf
from sklearn.datasets import load_digits

{inspect.getsource(build_model)}

(processor,) = tf.config.list_physical_devices("CPU")
halves = 2 * [tf.config.LogicalDeviceConfiguration()]
tf.config.set_logical_device_configuration(processor, halves)
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
replicas = []

def build(hp):
    inside = tf.distribute.get_strategy()
    replicas.append(inside.num_replicas_in_sync)
    return build_model(hp)

x, y = load_digits(return_X_y=True)
data = dict(validation_data=(x[1000:1400] / 16, y[1000:1400]))
for way in (None, strategy):
    keras.utils.set_random_seed(1)
    tuner = kt.RandomSearch(
        build,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=1,
        distribution_strategy=way,
        seed=1,
        directory="searches",
        project_name=f"several_machines_{{way is None}}",
        overwrite=True,
    )
    replicas.clear()
    tuner.search(x[:1000] / 16, y[:1000], **data, verbose=0)
    trials = tuner.oracle.trials.values()
    print(json.dumps([replicas, [trial.score for trial in trials]]))
    weights = tuner.get_best_models()[0].weights
assert "Mirrored" in type(weights[0]._value).__name__
"""
Path("mirrored.py").write_text(source, "utf-8")
done = subprocess.run(
    [sys.executable, "mirrored.py"],
    env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    capture_output=True,
    text=True,
)
assert done.returncode == 0, done.stderr
one, two = map(json.loads, done.stdout.splitlines()[-2:])
for way, (replicas, scores) in (("without", one), ("mirrored", two)):
    (scores,) = (f"{score:.4f}" for score in scores)
    print(f"{way:8} devices of the trial: {replicas}, score {scores}")

# %%
assert one[0] == [1] and two[0] == [2]
assert np.allclose(one[1], two[1], atol=0.02)

# %% [markdown]
# It works with Keras 3 and TensorFlow: every trial's model is built
# inside the scope, its variables are mirrored, half of each batch goes
# to each device, and the score is that of one device, as it should
# be. `get_best_models` loads into the scope too. That halves of one
# processor make nothing faster needs no saying; what GPUs make of it
# was not tried.
#
# Before you use it: as long as a trial fits one GPU, a worker for each
# GPU (`CUDA_VISIBLE_DEVICES=0`, `=1`, ...) keeps all of them busy
# without waiting for each other at every batch.
#
# ## What this page did not show
#
# - Real hosts, and a network that loses packets. Namespaces have their
#   own addresses and routes, but one kernel and one disk.
# - A network disk: what is said of NFS was read, not run.
# - Kubernetes and Compose themselves: their files were checked, not
#   started.
# - One trial over several *hosts*: the strategy's argument is for the
#   devices of one.
# - Several searches with one chief. One chief serves one search.
