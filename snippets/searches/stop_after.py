"""End a search when its time is up."""

import time


def stop_after(tuner, seconds, clock=time.monotonic):
    """Make a tuner begin no new trial once `seconds` have passed.

    `tuner` is any tuner, not yet searching. Time counts from the first
    trial of this process, by `clock`, in seconds. The trial that runs
    when time is up is finished and counts, so leave room for the
    longest one. `search` then returns as if the search had ended. Made
    again with the same project, it goes on, with the whole time anew.
    A trial that was interrupted before is repeated in any case.

    Raises ValueError if `seconds` is negative.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    if seconds < 0:
        raise ValueError(f"seconds must be 0 or more, not {seconds}")
    # A parallel worker has none: the chief hands out its trials.
    draw = getattr(tuner.oracle, "populate_space", None)
    began = []

    def populate_space(trial_id):
        began.append(clock())
        if began[-1] - began[0] >= seconds:
            return {"status": "STOPPED", "values": None}
        return draw(trial_id)

    tuner.oracle.populate_space = populate_space
