"""reports/report.html: one self-contained page from stored results; no model is loaded, no network needed.

A section of the page is a module here and a template of the same name in `pipeline/templates/report/`; `page.SECTIONS`
puts them in order. `stored.py` reads what they show, `charts.py` has what all charts share.
"""
