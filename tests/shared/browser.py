"""Pages looked at in a headless browser: what is cut off, what the console says, whether tables sort."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

# Beside the page's own script: what a person would see is written into the page, which the browser then prints.
SPY = """
<script>
"use strict";
const errors = [];
window.addEventListener("error", (event) => errors.push(String(event.message || event.target.src)), true);
window.addEventListener("load", () => {
  for (const image of document.images) image.loading = "eager";
  const width = document.documentElement.clientWidth;
  const cut = [...document.querySelectorAll("body *")].filter((element) =>
    !element.closest(".wide, pre, nav details div") && element.getBoundingClientRect().right > width + 1);
  const table = document.querySelector("table");
  const column = () => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent);
  const orders = table ? [column()] : [];
  if (table) for (let click = 0; click < 2; click++) { table.tHead.rows[0].cells[1].click(); orders.push(column()); }
  const seen = { errors, cut: cut.map((element) => element.outerHTML.slice(0, 80)), orders, width };
  const note = document.createElement("template");
  note.id = "seen";
  note.setAttribute("data-seen", JSON.stringify(seen));
  document.body.append(note);
});
</script>
"""


def look(page: Path, width: int, height: int, profile: Path) -> dict:
    """Open a page in a window of this size.

    Returns
    -------
    dict
        ``errors`` (scripts, images), ``cut`` (elements that reach past the window), ``orders`` of the second column of
        the first table (as it is, after one click on its head, after two), ``width`` of the window inside.
    """
    spied = page.with_name(f"spied-{page.name}")
    spied.write_text(page.read_text(encoding="utf-8").replace("<head>", "<head>" + SPY), encoding="utf-8")
    try:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}"]
        command += [f"--user-data-dir={profile}", "--virtual-time-budget=5000", "--dump-dom", spied.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    finally:
        spied.unlink()
    return json.loads(unescape(re.search(r'data-seen="([^"]*)"', done.stdout)[1]))
