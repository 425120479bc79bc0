//! A small OpenID provider for the demo and for tests.
