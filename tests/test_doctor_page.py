"""The report as a page of HTML: it holds all it needs, and a browser shows it whole on a narrow screen."""

import re
import shutil
import subprocess

import pytest
from ailing import rows, subject, texts

from hf_suite import doctor

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_MEASURE = (
    "<script>document.title = [document.documentElement.scrollWidth, window.innerWidth].join(' of ')</script></body>"
)


@pytest.fixture(scope="module")
def page():
    """A page with findings of every severity, a very long word, and a text that is HTML itself."""
    train, validation = texts(60), texts(20, 60)
    train[3], train[4] = "<script>alert(1)</script> " + "w" * 300, "ask jane.doe@example.org"
    train[20] = train[3]
    validation[2] = train[31]
    return doctor.page(doctor.examine(subject(train=rows(train), validation=rows(validation))))


def test_the_page_fetches_nothing_and_runs_nothing(page):
    assert re.findall(r"(?:https?:)?//[a-z]", page) == []
    assert re.findall(r"<(?:script|link|img|iframe|object)\b[^>]*", page) == ['<link rel="icon" href="data:,"']
    assert re.findall(r"@import|url\(", page) == []


def test_a_text_is_shown_as_it_is_and_nothing_personal_is(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "jane.doe" not in page


def test_the_page_says_what_the_report_says(page):
    assert "1 of 20 rows (5 %) of validation leak: their texts stand in train (case and spaces aside)" in page
    assert "<code>hf-suite clean own.csv -o own-clean --fix leaks</code>" in page
    assert "not looked at: no model is named" in page


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [500, 1200])
def test_a_browser_shows_it_whole_without_an_error_or_a_request(page, width, tmp_path):
    """Headless chromium has no window narrower than 500 px: a frame of 360 px stands in for one."""
    wide = width if width > 500 else 360
    inner = page.replace("</body>", _MEASURE).replace("&", "&amp;").replace('"', "&quot;")
    frame = f'<body style="margin:0"><iframe style="border:0;width:{wide}px;height:3000px" srcdoc="{inner}"></iframe>'
    script = "<script>onload = () => document.title = document.querySelector('iframe').contentDocument.title</script>"
    (tmp_path / "frame.html").write_text(f"<!doctype html><meta charset=utf-8>{frame}{script}</body>", "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-background-networking", "--enable-logging=stderr", "--dump-dom"]

    done = subprocess.run(
        [CHROMIUM, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900",
         f"file://{tmp_path / 'frame.html'}"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip

    assert re.findall(r"<title>(.*?)</title>", done.stdout)[:1] == [f"{wide} of {wide}"]
    assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] == []
