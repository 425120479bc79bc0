//! Bounds of the format, each with its reason. Readers hold to them before they allocate.

/// Greatest payload of one entry. LIMIT: two texts of [`MAX_TEXT`], parameters, lists and their framing fit.
pub const MAX_PAYLOAD: usize = 40 << 20;
/// Greatest text kept whole. LIMIT: four times the default statement limit; longer text is cut and its digest kept.
pub const MAX_TEXT: usize = 16 << 20;
/// Greatest parameter value kept whole. LIMIT: bulk loads bind megabytes; the digest and the length stand for the rest.
pub const MAX_PARAMETER: usize = 64 << 10;
/// Bytes of values kept for one statement. LIMIT: after it, values are recorded as digest and length only.
pub const MAX_PARAMETERS: usize = 2 << 20;
/// Bytes of a list (objects, facts, groups). LIMIT: what is beyond is counted, not kept.
pub const MAX_LIST: usize = 512 << 10;
/// Greatest blob. LIMIT: a policy set or a catalog; larger ones are stored in parts by their writer.
pub const MAX_BLOB: usize = 16 << 20;
/// Result bytes in one entry. LIMIT: keeps the queue of a session small and a reader's buffer with it.
pub const MAX_CHUNK: usize = 64 << 10;
/// Wrapped payload key. LIMIT: an age file for one recipient is about 230 bytes.
pub const MAX_WRAPPED_KEY: usize = 1024;
/// Queue of one session when its sink fails. LIMIT: result bytes go first, then refusals; outcomes are always kept.
pub const MAX_PENDING: usize = 256 << 10;
/// Greatest checkpoint record. LIMIT: about one million changed sessions in one second.
pub const MAX_CHECKPOINT: usize = 64 << 20;
/// Buffer that a session keeps between batches. LIMIT: memory of an idle session.
pub const IDLE_BUFFER: usize = 2 << 10;
