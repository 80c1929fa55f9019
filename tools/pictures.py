"""Looks at the site and at a report in Chromium, and writes what it shows to docs/pictures/.

    make docs
    python tools/pictures.py

It needs `chromium` on PATH. The report is the one of docs/parity-check.md.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import jax
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SITE = ROOT / "out" / "site"
DESKTOP, PHONE = (1200, 1000), (390, 844)


def look(page: Path, name: str, size: tuple[int, int], *options: str) -> None:
    """Writes a picture of the top of a page in a window of this size, in 256 colours."""
    path = PICTURES / name
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
    command += [
        "--allow-file-access-from-files",
        f"--window-size={size[0]},{size[1]}",
        f"--screenshot={path}",
    ]
    subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=120)
    Image.open(path).convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)


def report(path: Path) -> None:
    """Writes the report of the first example of docs/parity-check.md."""
    page = (ROOT / "docs" / "parity-check.md").read_text(encoding="utf-8")
    example = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0]
    namespace: dict[str, object] = {"__name__": "docs.parity-check"}
    with jax.enable_x64(False):
        exec(example, namespace)
    namespace["report"].save_html(path)  # type: ignore[attr-defined]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "report.html")
        report(made)
        look(made, "report.png", (1100, 1300))
        look(made, "report-dark.png", (1100, 1300), "--blink-settings=preferredColorScheme=0")
        look(made, "report-phone.png", PHONE)
    look(SITE / "index.html", "site.png", DESKTOP)
    look(SITE / "index.html", "site-phone.png", PHONE)
    look(SITE / "notebooks" / "learn-conv2d.html", "site-notebook.png", DESKTOP)
