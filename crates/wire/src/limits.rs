//! Bounds on what a peer may make us hold, each with its reason.

/// The longest statement text by default, in bytes. Longer text is refused before any parser sees it.
pub const STATEMENT: usize = 4 << 20;

/// The longest startup packet, in bytes. PostgreSQL's own bound (`MAX_STARTUP_PACKET_LENGTH`) is 10,000.
pub const STARTUP: usize = 10_000;

/// The longest answer to an authentication request, in bytes. OIDC tokens with many groups reach some 16 KiB.
pub const CREDENTIAL: usize = 64 << 10;

/// The longest message that carries parameters (Bind, FunctionCall), in bytes. It must be whole before it is judged.
pub const PARAMETERS: usize = 64 << 20;

/// The longest message without bulk values (Describe, Close, ErrorResponse, RowDescription …), in bytes: 1,664 columns of
/// the longest names fit.
pub const CONTROL: usize = 1 << 20;

/// How many requests a client may have outstanding before its socket is no longer read.
pub const PIPELINE: usize = 8 << 10;

/// How many prepared statements or portals one session may hold.
pub const NAMES: usize = 10_000;
