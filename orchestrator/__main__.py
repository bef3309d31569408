"""Runs the `interlock` command for `python -m orchestrator`; holds nothing else."""

from orchestrator.cli.main import main

raise SystemExit(main())
