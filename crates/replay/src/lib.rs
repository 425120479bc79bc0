//! Players of a recording: timelines, exports.
