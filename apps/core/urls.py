"""Addresses of the house itself."""

from typing import Any

urlpatterns: list[Any] = []
