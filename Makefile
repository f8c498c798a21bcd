.DEFAULT_GOAL := help
.PHONY: help check test docs bench format

help:  ## list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

check:  ## all that must hold before a change lands
	ruff check
	ruff format --check
	mypy
	pytest -m ""
	oceanbench leaderboard --check
	mkdocs build --strict

test:  ## the tests, without the slow ones
	pytest

docs:  ## build the documentation into site/, tutorials in full
	OCEANBENCH_TUTORIALS=full mkdocs build --strict

bench:  ## time and memory of the scores
	pytest tests/benchmarks --benchmark-only

format:  ## format, and mend what can be mended
	ruff format
	ruff check --fix
