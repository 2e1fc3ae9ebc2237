"""The handlers of the payment team: `treadle-worker payments` serves what is in the modules of this package."""
