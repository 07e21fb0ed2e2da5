"""Shared code of all Python clients; nothing but the standard library, so that each runs in any of them."""
