"""The `interlock` command: one verb group per file, `main` builds the parser and turns outcomes into exit codes."""
