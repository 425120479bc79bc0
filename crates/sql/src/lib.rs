//! What a SQL statement does: effects, relations, functions, shape.
