"""The report of a run: one page with all that there is to see, and its plots as pictures."""

from keras_charrnn.views.report.report import write_plots, write_report

__all__ = ["write_plots", "write_report"]
