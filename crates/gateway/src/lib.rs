//! Configuration, listeners and live sessions of one gateway.
