//! Memory ports and contract suites.
