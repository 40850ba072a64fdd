# The commands to remember. `make` alone lists them.

PYTHON ?= python3
SETUP = $(PYTHON) deploy/embedded/bootstrap.py
IN_VENV = .venv/bin/python -m

# Checks import the settings, but need no server: that the database is away is worth no warning.
CHECKED = DJANGO_SETTINGS_MODULE=sdconsole.settings.test PYTHONWARNINGS=ignore::RuntimeWarning
# What a production installation has to set; the values open nothing anywhere.
PRODUCTION = DJANGO_SETTINGS_MODULE=sdconsole.settings.base \
	SECRET_KEY=of-no-installation-but-as-long-and-as-mixed-as-one-0123456789 \
	SDCONSOLE_ENCRYPTION_KEYS=Zm9yLWNoZWNrcy1mb3ItY2hlY2tzLWZvci1jaGVja3M= \
	DATABASE_URL=postgresql:///none REDIS_URL=unix:///none

.DEFAULT_GOAL := help
.PHONY: help run stop test lint fmt messages

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 20

run: ## start everything here and print the address; PORT=8000, SDCONSOLE_HOME=.sdconsole
	@$(SETUP) && exec $(IN_VENV) deploy.embedded.run

stop: ## stop what `make run` started
	@$(SETUP) && exec $(IN_VENV) deploy.embedded.stop

test: ## run all tests against servers of their own; ARGS="-k word" for some
	@$(SETUP) --dev && exec $(IN_VENV) pytest $(ARGS)

lint: ## code, types, templates, floors, settings, migrations, translations
	@$(SETUP) --dev
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .
	$(CHECKED) $(IN_VENV) mypy
	$(IN_VENV) djlint --quiet --lint templates
	$(CHECKED) .venv/bin/python -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo
	$(CHECKED) .venv/bin/python manage.py check
	$(CHECKED) .venv/bin/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) .venv/bin/python manage.py check --deploy --fail-level WARNING
	.venv/bin/python deploy/embedded/messages.py --check

fmt: ## format code
	@$(SETUP) --dev
	$(IN_VENV) ruff check --fix --select I,UP .
	$(IN_VENV) ruff format .

messages: ## add new strings to the catalogues, and compile them
	@$(SETUP) && .venv/bin/python deploy/embedded/messages.py --update
