"""Interlock: many coding agents in one repository, and no way for two of them to collide.

The walk: `cli` reads documents into `model` kinds, `wiring` puts adapters behind `ports`, `reconcile` observes a
snapshot, asks `core.decide` what to do and acts through the ports. Imports point one way only, from `cli` to `errors`.
"""
