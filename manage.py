#!/usr/bin/env python
"""Entry for every command; settings default to those of one machine."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdconsole.settings.dev")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
