"""The compiled extension; native/machine.h says what it offers."""

from typing import Any

ffi: Any
lib: Any
