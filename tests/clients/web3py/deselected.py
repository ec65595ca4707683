"""The tests of web3.py that do not run here, each with its reason."""

DESELECTED = {}
