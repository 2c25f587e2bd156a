"""Prompts from a file: one a line."""

from __future__ import annotations

import json
from pathlib import Path

from asc.errors import AscError


def read_prompts(path: Path) -> dict[int, str]:
    """Return the prompts of a file, UTF-8 text, by the number of their line. Blank lines are left out.

    A line that is a JSON string, in double quotes, is what the string means, so that a prompt may have line breaks.
    Raises AscError for a file that cannot be read, is no UTF-8 text, or has no prompt.
    """
    remedy = "Name a text file with one prompt a line: --sample-prompts FILE."
    try:
        if path.exists() and not path.is_file():
            raise AscError(f"{path} is no file, so it has no prompts. {remedy}")
        content = path.read_bytes()
    except OSError as error:
        raise AscError(f"The prompts in {path} cannot be read: {error.strerror or error}. {remedy}") from error
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise AscError(f"Line {line} of {path} is not UTF-8 text. Save the file as UTF-8.") from error
    prompts = {number: _prompt(line.removesuffix("\r")) for number, line in enumerate(lines, 1) if line.strip()}
    if not prompts:
        raise AscError(f"{path} has no prompt: every line is blank. Write one prompt a line.")
    for number, prompt in prompts.items():
        if any(0xD800 <= ord(character) < 0xE000 for character in prompt):
            raise AscError(f"The prompt in line {number} of {path} has half of a surrogate pair: write the character.")
    return prompts


def _prompt(line: str) -> str:
    if line.startswith('"'):
        try:
            found = json.loads(line)
        except ValueError:
            return line  # a text that begins with quotes
        if isinstance(found, str):
            return found
    return line
