//! The admin listener: REST, metrics, health.
