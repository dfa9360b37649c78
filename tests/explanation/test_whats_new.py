"""What's new is told by day, the newest first."""

import re
from datetime import datetime

from helpers import ROOT

PAGE = ROOT / "docs/explanation/whats_new.md"


def test_each_day_is_told_once_and_the_newest_first():
    heads = re.findall(r"(?m)^## (.+)$", PAGE.read_text("utf-8"))
    days = [datetime.strptime(head, "%d %B %Y") for head in heads]
    assert len(days) > 3
    assert days == sorted(set(days), reverse=True)
