use std::collections::BTreeSet;

use super::*;
use crate::statement::Name;
