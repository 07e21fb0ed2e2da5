"""What the scripts of all Python clients share; nothing but the standard library, so that each runs in any of them."""
