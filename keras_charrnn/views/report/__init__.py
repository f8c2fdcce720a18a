"""The report of a run: one page with all that there is to see, its plots as pictures, and its card."""

from keras_charrnn.views.report.card import write_card
from keras_charrnn.views.report.report import write_plots, write_report

__all__ = ["write_card", "write_plots", "write_report"]
