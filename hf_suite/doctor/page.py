"""A report as one page of HTML that holds all it needs: no script, and nothing that is fetched."""

from pathlib import Path

from hf_suite.doctor.findings import MARKS, SECTIONS, Report


def page(report: Report) -> str:
    """The page; every text of the data in it is escaped."""
    import jinja2

    source = Path(__file__).with_name("page.html").read_text("utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
        source
    )
    return template.render(report=report, marks=MARKS, sections=SECTIONS)
