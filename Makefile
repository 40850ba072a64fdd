# The commands to remember. `make` alone lists them.

PYTHON ?= python3
SETUP = $(PYTHON) deploy/embedded/bootstrap.py
IN_VENV = .venv/bin/python -m

# Checks that import the settings need no server behind these addresses.
NO_SERVERS = DJANGO_SETTINGS_MODULE=sdconsole.settings.test \
	DATABASE_URL=postgresql:///none REDIS_URL=unix:///none PYTHONWARNINGS=ignore::RuntimeWarning

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
	$(NO_SERVERS) $(IN_VENV) mypy
	$(IN_VENV) djlint --quiet --lint templates
	$(IN_VENV) djlint --quiet --check templates
	$(NO_SERVERS) .venv/bin/python -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo
	$(NO_SERVERS) .venv/bin/python manage.py check
	$(NO_SERVERS) .venv/bin/python manage.py makemigrations --check --dry-run
	.venv/bin/python deploy/embedded/messages.py --check

fmt: ## format code and templates
	@$(SETUP) --dev
	$(IN_VENV) ruff check --fix --select I,UP .
	$(IN_VENV) ruff format .
	-$(IN_VENV) djlint --quiet --reformat templates

messages: ## add new strings to the catalogues, and compile them
	@$(SETUP) && .venv/bin/python deploy/embedded/messages.py --update
