"""Greetings. The repository the README lets agents work in."""


def greet(name: str) -> str:
    """Return a greeting."""
    return f"Hello, {name}"
