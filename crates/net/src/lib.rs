//! Sockets, TLS and the session relay.
