# PYTHON    the Python to make the environment with (3.10 to 3.13)
# PIP_ARGS  further arguments of `pip install`, such as the index of another build of torch
PYTHON ?= python3
PIP_ARGS ?=
export PIP_ARGS

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin

# The environment is a ROS prefix of its own: a distribution that happens to be sourced in the
# calling shell must not mix with it, nor may it ask for a middleware that is not here.
export AMENT_PREFIX_PATH := $(VENV)
unexport PYTHONPATH PYTHONHOME COLCON_PREFIX_PATH CMAKE_PREFIX_PATH RMW_IMPLEMENTATION
ifdef ROS_DISTRO
unexport LD_LIBRARY_PATH ROS_DISTRO
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint clean

help:
	@echo 'make setup   make or update the environment in .venv'
	@echo 'make demo    track a target in a short video; results go to demo_output'
	@echo 'make test    style, types and all tests'
	@echo 'make lint    style and types only'
	@echo 'make clean   remove the environment, build products and output'
	@echo 'PYTHON=...   Python to make the environment with (after make clean, to change it)'
	@echo 'PIP_ARGS=... further arguments of pip install'

setup:
	@$(PYTHON) scripts/setup_env.py

demo: setup
	@"$(BIN)/python" demo/run.py --output demo_output

lint: setup
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy" gradnet_ros

test: lint
	@"$(BIN)/python" -m pytest -n auto --maxprocesses 4 --dist loadfile

clean:
	rm -rf .venv build install log demo_output *.egg-info
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
