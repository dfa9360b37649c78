"""What the page about GPUs says of devices, as far as a CPU can tell."""

import ast
import inspect
import re

import keras
import pytest
import tensorflow as tf
from helpers import ROOT, warm

from snippets.searches.parallel_search import parallel_search

PAGE = (ROOT / "tutorials/how_to/on_a_gpu.py").read_text("utf-8")


def seed():
    keras.utils.set_random_seed(1)


def build():
    layers = [keras.Input((1,)), keras.layers.Dense(1)]
    keras.Sequential(layers)


def devices_after(step, queue):
    """Do a step, then change the devices, as memory growth would."""
    step()
    (cpu,) = tf.config.list_physical_devices("CPU")
    halves = 2 * [tf.config.LogicalDeviceConfiguration()]
    try:
        tf.config.set_logical_device_configuration(cpu, halves)
    except RuntimeError as error:
        queue.put(str(error))
    else:
        queue.put(len(tf.config.list_logical_devices("CPU")))


@pytest.mark.process
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (seed, 2),
        (
            build,
            "Virtual devices cannot be modified after being initialized",
        ),
    ],
    ids=["a seed", "a model"],
)
def test_devices_can_be_changed_after_a_seed_but_not_after_a_model(
    step, expected
):
    queue = warm().Queue()
    child = warm().Process(target=devices_after, args=(step, queue))
    child.start()
    assert queue.get(timeout=120) == expected
    child.join()


def test_the_command_on_the_page_is_one_that_parallel_search_takes():
    (line,) = re.findall(r"(?m)^# (parallel_search\(.+\))$", PAGE)
    call = ast.parse(line, mode="eval").body
    args = [ast.literal_eval(each) for each in call.args]
    kwargs = {
        each.arg: ast.literal_eval(each.value) for each in call.keywords
    }
    inspect.signature(parallel_search).bind(*args, **kwargs)
    assert len(kwargs["gpus"]) == kwargs["workers"]
