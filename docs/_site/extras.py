"""MkDocs hook: descriptions, the social picture, and search from disk."""

import html
import re
import textwrap
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File


def on_files(files, config):
    """Draw the picture that stands for the site where a link is shared."""
    figure, picture = Figure((12, 6.3), facecolor="#0b5f59"), BytesIO()
    figure.text(0.08, 0.62, config.site_name, color="white", size=62, weight="bold")
    promise = textwrap.fill(config.site_description, 44)
    figure.text(0.08, 0.53, promise, color="white", size=28, va="top")
    figure.savefig(picture, dpi=100, format="png")
    drawn = File.generated(config, "assets/social.png", content=picture.getvalue())
    files.append(drawn)


@event_priority(50)  # after the pipeline rendered it, before all else
def on_page_content(content, page, config, files):
    """A page's first paragraph describes it."""
    prose = re.search(r"(?s)<p>(.*?)</p>", content)
    words = re.sub(r"<.*?>", "", prose[1]).split() if prose else []
    page.meta.setdefault("description", html.unescape(" ".join(words)))


@event_priority(-100)  # after the search plugin
def on_post_build(config):
    """Write the search index as a script too: from disk no page may fetch."""
    index = Path(config.site_dir, "search/search_index.json").read_text("utf-8")
    index_script = Path(config.site_dir, "search/search_index.js")
    index_script.write_text(f"var __index = {index}", "utf-8")
