"""Builds the machine's extension; everything else is in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["build_machine.py:builder"], options={"bdist_wheel": {"py_limited_api": "cp311"}})
